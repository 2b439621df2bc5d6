// Session folders, in: docs/formats.md.
//
// Errors   those of every write; bad files and records are findings
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/source_folder.hpp"

namespace holdfast::interchange {

void import_sessions(Database& database,
                     const SourceFolder& folder,
                     const ImportOptions& options,
                     ImportReport& report);

}  // namespace holdfast::interchange
