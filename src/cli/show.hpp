// holdfast show, a function per kind of thing, and how each of them prints payloads.
#pragma once

#include "cli/commands.hpp"
#include "cli/listing.hpp"
#include "holdfast/bytes.hpp"
#include "holdfast/database.hpp"

#include <string>

namespace holdfast::cli {

void show_checkpoint(const Database& db, const ShowArguments& arguments, const Console& console);
void show_trace(const Database& db, const ShowArguments& arguments, const Console& console);
void show_segment(const Database& db, const ShowArguments& arguments, const Console& console);
void show_run(const Database& db, const ShowArguments& arguments, const Console& console);
void show_snapshot(const Database& db, const ShowArguments& arguments, const Console& console);
void show_manifest(const Database& db, const ShowArguments& arguments, const Console& console);
void show_state(const Database& db, const ShowArguments& arguments, const Console& console);
void show_pod(const Database& db, const ShowArguments& arguments, const Console& console);

// A record and the payload that it is about: --raw writes the bytes and nothing else.
void print_with_payload(Record record,
                        BytesView payload,
                        const ShowArguments& arguments,
                        const Console& console);

// The payload in printable text, line by line; of what is no text, its size.
std::string people_text(BytesView payload);

}  // namespace holdfast::cli
