// A folder of files, imported twice and exported. An input is a byte of options, and then files: a line
// "=== PATH" begins each. Names that lead out of the folder are written inside it.
#include "fuzz/targets.hpp"
#include "harness/dump.hpp"
#include "holdfast/database.hpp"
#include "holdfast/interchange.hpp"
#include "support/source_files.hpp"

#include <filesystem>
#include <string_view>

namespace holdfast::test {

namespace {

constexpr std::string_view kFileBegins = "=== ";
constexpr std::size_t kMostFiles = 16;

// At most four parts, none of which leads elsewhere; nothing if there is none.
std::filesystem::path inside(std::string_view name) {
  constexpr std::size_t kMostParts = 4;
  constexpr std::size_t kLongestPart = 200;
  std::filesystem::path path;
  for (std::size_t part = 0; part < kMostParts && !name.empty(); ++part) {
    const std::string_view word = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), word.size() + 1));
    const bool leads = word.empty() || word == "." || word == "..";
    if (!leads && word.find('\0') == std::string_view::npos) path /= word.substr(0, kLongestPart);
  }
  return path;
}

void write_folder(std::string_view text, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (std::size_t files = 0; files < kMostFiles && text.starts_with(kFileBegins); ++files) {
    text.remove_prefix(kFileBegins.size());
    const std::string_view name = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    const std::size_t next = text.find("=== ");
    const std::string_view bytes = text.substr(0, next);
    text.remove_prefix(bytes.size());
    const auto path = inside(name);
    if (path.empty()) continue;
    try {
      write_file(folder / path, std::string(bytes));
    } catch (const std::exception&) {
      continue;  // a file where another one needs a folder
    }
  }
}

ImportOptions options_from(Input& input) {
  ImportOptions options;
  const std::uint8_t choice = input.byte();
  constexpr SourceFormat kFormats[] = {
      SourceFormat::automatic, SourceFormat::session_folder, SourceFormat::manifest_directory};
  options.format = kFormats[choice % 3];
  if ((choice & 4) != 0) options.session_field = "session";
  if ((choice & 8) != 0) options.session_field = "/message/session";
  return options;
}

// Manifests that are not sound are kept, and refuse to be read.
std::string dump_or_refusal(const Database& db) {
  try {
    return dump(db);
  } catch (const Error& error) {
    return error.what();
  }
}

void import_twice(Database& db, const std::string& source, const ImportOptions& options) {
  import_from(db, source, options);
  const std::string held = dump_or_refusal(db);
  const ImportReport again = import_from(db, source, options);
  must(again.records == 0 && again.segments == 0 && again.manifests == 0 && again.pods == 0,
       "importing again adds nothing");
  must(dump_or_refusal(db) == held, "importing again changes nothing");
}

void run_import(BytesView bytes) {
  Input input(bytes);
  const ImportOptions options = options_from(input);
  const TemporaryFolder folder;
  write_folder(as_text(input.all()), folder.file("source"));
  OpenOptions small;
  small.max_payload_bytes = 1 << 20;
  Database db = Database::in_memory(small);
  try {
    import_twice(db, folder.file("source"), options);
    export_to(db, folder.file("sessions"));
    export_to(db, folder.file("manifests"), {.format = SourceFormat::manifest_directory});
  } catch (const Error& error) {
    must(error.code() == ErrorCode::invalid_argument, "only a folder of nothing is refused");
  }
}

std::vector<std::string> import_seeds() {
  const std::string automatic(1, '\0');
  const std::string manifest =
      R"({"version":1,"checkpoint_id":7,"epoch":2,"timestamp_ms":3,"sink_epochs":{"a":1}})";
  return {
      automatic + "=== s/g.jsonl\n{\"kind\":\"user_input\",\"ts\":1}\n{\"type\":\"b\"}\n{\"torn",
      automatic + "=== s/g.jsonl\n\xef\xbb\xbf{\"a\":1}\r\n\n[2]\n=== s/g.trace.jsonl\n{\"t\":1}\n",
      automatic + "=== pods/p/metadata.json\n{\"image\":1}\n=== a.ndjson\n1\n2\nx\n",
      automatic + "=== flat.jsonl\n{\"hash\":\"00\",\"prev_hash\":null,\"v\":1}\n",
      automatic + "=== x/segments/00000001.jsonl\n{}\n=== x/session.json\n{\"session_id\":\"q\"}\n",
      automatic + "=== manifests/manifest-000007.json\n" + manifest +
          "\n=== checkpoints/state-000007.bin\nstate\n=== manifests/latest.json\n7\n",
      automatic + "=== checkpoints/checkpoint_000007/manifest.json\n" + manifest +
          "\n=== checkpoints/checkpoint_000007/state.bin\n\x01=== checkpoints/latest.txt\n7",
      "\x05=== ../../g.jsonl\n{\"session\":\"a/../b\"}\n",
      "\x09=== g.jsonl\n{\"message\":{\"session\":\"\\u0000\"}}\n",
      automatic,
  };
}

}  // namespace

const FuzzTarget kImportTarget{"import", run_import, import_seeds};

}  // namespace holdfast::test
