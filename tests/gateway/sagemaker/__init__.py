"""Against a SageMaker front door that checks what the real one checks."""
