"""The local cloud: the real engine and the real gateway as processes on this machine."""
