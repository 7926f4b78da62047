"""Makes one GGUF file, as llama.cpp reads it, of a Hugging Face folder."""
