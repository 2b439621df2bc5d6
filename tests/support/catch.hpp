// Catch2, version 2 or 3. Tests keep to what both have: TEST_CASE, SECTION, REQUIRE..., CHECK...,
// GENERATE, INFO and CAPTURE; matchers and Approx moved between them.
#pragma once

#ifdef HOLDFAST_CATCH2_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#endif
