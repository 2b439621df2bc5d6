// A fuzzer: libFuzzer calls this with one input after the other. HOLDFAST_FUZZ_TARGET is one of targets.hpp.
#include "fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::test;
  HOLDFAST_FUZZ_TARGET.run({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
