"""Who may go to an engine now, who waits, and who is told at once that waiting would be in vain."""
