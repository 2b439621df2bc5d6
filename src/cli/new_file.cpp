#include "cli/new_file.hpp"

#include "cli/format.hpp"
#include "cli/listing.hpp"

#include <filesystem>

namespace holdfast::cli {

void tell_of_new_file(const Console& console, const std::string& done, const std::string& target) {
  const std::uint64_t bytes = std::filesystem::file_size(target);
  if (console.json) {
    Record record;
    record.add({"target", "target"}, std::filesystem::absolute(target).string())
        .add({"file_bytes", "size", Kind::bytes}, bytes);
    record.print(console.out, true);
  } else {
    console.out.line(done + " " + human_bytes(bytes) + " to " + printable(target));
  }
}

}  // namespace holdfast::cli
