// holdfast show: one thing, whole.

#include "cli/show.hpp"

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/json_text.hpp"
#include "cli/open_file.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace holdfast::cli {

namespace {

using Show = void (*)(const Database&, const ShowArguments&, const Console&);

struct KindOfThing {
  std::string_view name;
  Show show;
  std::string_view options;  // those that make sense here, each with a blank on both sides
};

constexpr std::array kKinds = {
    KindOfThing{"trace", show_trace, " --raw "},
    KindOfThing{"checkpoint", show_checkpoint, " --raw "},
    KindOfThing{"segment", show_segment, " --raw --traces --tail --from --limit "},
    KindOfThing{"run", show_run, " --raw --tail --from --limit "},
    KindOfThing{"snapshot", show_snapshot, " --raw --at "},
    KindOfThing{"manifest", show_manifest, " --raw --state --stream "},
    KindOfThing{"state", show_state, " --raw --at --key --prefix --partition --limit "},
    KindOfThing{"pod", show_pod, " --raw "},
};

void check_options(const KindOfThing& kind, const ShowArguments& arguments) {
  const std::array<std::pair<bool, std::string_view>, 11> given = {{
      {arguments.raw, "--raw"},
      {arguments.state, "--state"},
      {arguments.traces, "--traces"},
      {arguments.tail.has_value(), "--tail"},
      {arguments.from.has_value(), "--from"},
      {arguments.limit.has_value(), "--limit"},
      {arguments.at.has_value(), "--at"},
      {!arguments.stream.empty(), "--stream"},
      {arguments.key.has_value(), "--key"},
      {arguments.prefix.has_value(), "--prefix"},
      {arguments.partition.has_value(), "--partition"},
  }};
  for (const auto& [is_given, option] : given) {
    const std::string wanted = " " + std::string(option) + " ";
    if (!is_given || kind.options.find(wanted) != std::string_view::npos) continue;
    throw UsageError(std::string(option) + " makes no sense with " + std::string(kind.name));
  }
  if (arguments.tail && arguments.from) throw UsageError("--tail and --from exclude each other");
}

bool is_text(BytesView payload) {
  // What printable() would have to escape is no text, but for the line breaks and tabs in it.
  std::string plain;
  std::copy_if(
      as_text(payload).begin(), as_text(payload).end(), std::back_inserter(plain), [](char c) {
        return c != '\n' && c != '\r' && c != '\t';
      });
  return plain.empty() || printable(plain) == plain;
}

}  // namespace

std::string people_text(BytesView payload) {
  if (!is_text(payload)) {
    return counted(payload.size(), "byte", "bytes") + " that are no text; --raw writes them";
  }
  std::string text;
  std::string_view rest = as_text(payload);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    text += line;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!rest.empty()) text += "\n";
  }
  return text;
}

void print_with_payload(Record record,
                        BytesView payload,
                        const ShowArguments& arguments,
                        const Console& console) {
  if (arguments.raw) {
    console.out.write(as_text(payload));
    return;
  }
  if (console.json) {
    const bool json = is_json(payload);
    record.add({json ? "json" : "base64", "", Kind::json},
               json ? std::string(as_text(payload)) : json_string(base64(payload)));
    record.print(console.out, true);
    return;
  }
  record.print(console.out, false);
  console.out.line("\n" + people_text(payload));
}

ExitCode run(const ShowArguments& arguments, const Console& console) {
  const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindOfThing& each) {
    return arguments.kind == each.name;
  });
  if (kind == kKinds.end()) throw UsageError("there is no kind '" + arguments.kind + "' to show");
  check_options(*kind, arguments);
  const Database db = open_file(arguments.file, Purpose::read, console);
  kind->show(db, arguments, console);
  return ExitCode::ok;
}

}  // namespace holdfast::cli
