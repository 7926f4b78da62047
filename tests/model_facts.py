"""Facts of published models, as their config.json and safetensors headers have them."""

from moorage.spec import ModelFacts

LLAMA_8B = ModelFacts(
    architecture="LlamaForCausalLM",
    weight_bytes=16_060_522_496,
    parameter_count=8_030_261_248,
    dtype="BF16",
    hidden_size=4096,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=131_072,
    vocab_size=128_256,
    is_quantized=False,
)
LLAMA_70B = ModelFacts(
    architecture="LlamaForCausalLM",
    weight_bytes=141_107_412_992,
    parameter_count=70_553_706_496,
    dtype="BF16",
    hidden_size=8192,
    num_hidden_layers=80,
    num_attention_heads=64,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=131_072,
    vocab_size=128_256,
    is_quantized=False,
)
LLAMA_405B = ModelFacts(
    architecture="LlamaForCausalLM",
    weight_bytes=811_706_744_832,
    parameter_count=405_853_388_800,
    dtype="BF16",
    hidden_size=16384,
    num_hidden_layers=126,
    num_attention_heads=128,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=131_072,
    vocab_size=128_256,
    is_quantized=False,
)
PHI_4_MINI = ModelFacts(
    architecture="Phi3ForCausalLM",
    weight_bytes=7_672_043_520,
    parameter_count=3_836_021_760,
    dtype="BF16",
    hidden_size=3072,
    num_hidden_layers=32,
    num_attention_heads=24,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=131_072,
    vocab_size=200_064,
    is_quantized=False,
)
QWEN_05B = ModelFacts(
    architecture="Qwen2ForCausalLM",
    weight_bytes=988_097_824,
    parameter_count=494_032_768,
    dtype="BF16",
    hidden_size=896,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    head_dim=64,
    max_position_embeddings=32_768,
    vocab_size=151_936,
    is_quantized=False,
)
QWEN_05B_GGUF = QWEN_05B.model_copy(update={"weight_bytes": 491_400_032, "is_quantized": True})
"""Its file in Q4_K_M, of Qwen/Qwen2.5-0.5B-Instruct-GGUF."""
