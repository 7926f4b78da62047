package main

func runSoak([]string) error { return nil }
