// Session folders, out: docs/formats.md.
//
// Errors   not_found (a session that was asked for), those of the output folder and of every read
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "interchange/output_folder.hpp"

namespace holdfast::interchange {

ExportReport export_sessions(const Database& database,
                             OutputFolder& output,
                             const ExportOptions& options);

}  // namespace holdfast::interchange
