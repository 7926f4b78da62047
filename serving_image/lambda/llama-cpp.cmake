# How llama.cpp is built, by its image and by set-up alike: `cmake -C`.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")

# One program that needs nothing of the image but libc.
set(BUILD_SHARED_LIBS OFF CACHE BOOL "")
set(CMAKE_EXE_LINKER_FLAGS "-static-libstdc++ -static-libgcc" CACHE STRING "")
set(GGML_OPENMP OFF CACHE BOOL "")
set(LLAMA_OPENSSL OFF CACHE BOOL "")

# What every machine of Lambda has, and not what the machine has that builds: AVX2 on x86_64
# (docs.aws.amazon.com/lambda/latest/dg/runtimes-avx2.html), Graviton2 on arm64
# (docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html), which is a Neoverse N1: both read 2026-11-25.
set(GGML_NATIVE OFF CACHE BOOL "")
if(CMAKE_HOST_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(GGML_CPU_ARM_ARCH "armv8.2-a+dotprod+fp16" CACHE STRING "")
else()
    foreach(instructions AVX AVX2 BMI2 F16C FMA)
        set(GGML_${instructions} ON CACHE BOOL "")
    endforeach()
endif()

# Nothing else is built or fetched.
foreach(part APP EXAMPLES TESTS UI)
    set(LLAMA_BUILD_${part} OFF CACHE BOOL "")
endforeach()
set(LLAMA_USE_PREBUILT_UI OFF CACHE BOOL "")
