"""What runs in CloudFront's locations: who is let in and where to, and a small model for questions that are known."""
