"""What runs in CloudFront's locations: which requests are let in and where to, and a small model for known questions."""
