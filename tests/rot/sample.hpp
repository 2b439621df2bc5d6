// A small database over all stores, made in steps of one commit each: small and large payloads, keys that
// split pages, removals that leave free ones. The same bytes in every run.
#pragma once

#include "holdfast/database.hpp"
#include "rot/answers.hpp"

#include <functional>
#include <vector>

namespace holdfast::test {

using Step = std::function<void(Database&)>;

const std::vector<Step>& sample_steps();

// Reads everything that the steps may have left behind: by key, by list, by range, the newest of each; and
// keys that were never there. The calls are the same ones, whatever is in the file.
Answers read_sample(const Database& database, Answers::Choice choice = nullptr);

// A write to each store, in one transaction.
void write_more(Database& database);

}  // namespace holdfast::test
