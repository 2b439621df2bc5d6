#include "holdfast/log_entry.hpp"

#include "log/entry_fields.hpp"

#include <utility>

namespace holdfast {

std::optional<EntryFacts> entry_facts(BytesView entry) {
  std::optional<log::EntryFields> fields = log::scan_entry(entry);
  if (!fields) return std::nullopt;
  EntryFacts facts;
  facts.kind = std::move(fields->kind);
  facts.time_us = fields->time_us;
  facts.turn = fields->turn;
  return facts;
}

}  // namespace holdfast
