"""What brings the checkout to life; not part of the library."""
