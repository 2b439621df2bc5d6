// HOLDFAST_API marks what the library offers; everything else is hidden from its users.
//
// One spelling serves the shared library, the static one and use as a subproject, because default
// visibility is harmless in an archive. Classes that are thrown or caught across the border need
// the mark as well, so that both sides see the same type information.
#pragma once

#if defined(__GNUC__)
#define HOLDFAST_API __attribute__((visibility("default")))
#else
#define HOLDFAST_API
#endif
