// What a folder is, by the names in it.
#pragma once

#include "holdfast/interchange.hpp"
#include "interchange/source_folder.hpp"

namespace holdfast::interchange {

// invalid_argument: neither format, or both.
SourceFormat recognise(const SourceFolder& folder);

}  // namespace holdfast::interchange
