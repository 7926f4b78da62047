"""What a stack makes up itself and keeps in its state as a secret: keys, passwords, certificates."""
