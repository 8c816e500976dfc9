// Compiles a function for several instruction sets and picks one at run time.
//
// MARQUET_DISPATCH(Result, Name, (parameters), (arguments)) makes Name() out of the inline function
// Name##Body(), which must be MARQUET_INLINE. Plain C++ with one choice where the compiler or processor is
// another. Results do not depend on the choice: bodies use no fused multiply-add.
#pragma once

#define MARQUET_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__) && defined(__GNUC__)
#define MARQUET_DISPATCH(Result, Name, parameters, arguments)                                              \
  [[gnu::target("avx512f,avx512dq,avx512bw,avx512vl")]] Result Name##Avx512 parameters {                   \
    return Name##Body arguments;                                                                           \
  }                                                                                                        \
  [[gnu::target("avx2")]] Result Name##Avx2 parameters { return Name##Body arguments; }                    \
  Result Name##Plain parameters { return Name##Body arguments; }                                           \
  Result Name parameters {                                                                                 \
    static const auto chosen = __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && \
                                       __builtin_cpu_supports("avx512vl")                                  \
                                   ? &Name##Avx512                                                         \
                               : __builtin_cpu_supports("avx2") ? &Name##Avx2                              \
                                                                : &Name##Plain;                            \
    return chosen arguments;                                                                               \
  }
#else
#define MARQUET_DISPATCH(Result, Name, parameters, arguments) \
  Result Name parameters { return Name##Body arguments; }
#endif
