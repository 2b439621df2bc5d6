// All of holdfast: the database with its five stores, maintenance, and interchange.
// Not included: the adapters that need another library (holdfast/spdlog.hpp).
#pragma once

#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "holdfast/maintain.hpp"
#include "holdfast/version.hpp"
