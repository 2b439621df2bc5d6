// One run of salvage(): the damaged pages, the new file, and the report as it grows.
//
// First every row whose digest holds goes into the new file as it was (salvage_rows.cpp). Then each
// store's rows are made to fit together again, by what is there (salvage_*.cpp): payloads that are not
// whole go, rows without an owner go, logs are cut at their first hole, counts and chains are made
// anew. At last the digests of what was changed are computed again.
//
// Threads  one
#pragma once

#include "access.hpp"
#include "content/removal.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "holdfast/maintain.hpp"
#include "maintain/damaged_pages.hpp"
#include "maintain/salvage_tables.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::maintain {

// What the progress function stopped.
struct SalvageStopped {};

class Salvaging {
 public:
  Salvaging(DamagedPages& pages, const Database& target, const SalvageOptions& options)
      : pages_(pages), link_(engine::Access::link(target)), options_(options) {}

  DamagedPages& pages() { return pages_; }
  SalvageReport& report() { return report_; }

  // A transaction on the new file; `work` runs once.
  template <class Work>
  void write(Work&& work) {
    link_.transact([&] { link_.write(work); }, {});
  }

  SalvageCount& count_of(std::string_view table);
  std::int64_t now_us() const { return link_.now_us(); }
  // A row that was in the new file already has gone again.
  void drop(std::string_view table, std::uint64_t rows);
  // Findings of a place beyond the first hundred are only counted.
  void find(Severity severity, const std::string& place, const std::string& what);
  void lose(SalvageLoss loss) { report_.losses.push_back(std::move(loss)); }
  void end_findings();

  // Keys of rows, by table, that were removed and not yet freed: they are not salvaged. And the contents of
  // those that were met.
  std::map<std::string, std::vector<content::KeyRange>, std::less<>> removed = {};
  std::vector<std::int64_t> removed_contents = {};

  // Where a table or an index of ours begins; 0: nowhere.
  std::map<std::string, std::uint32_t, std::less<>> roots = {};

  void expect(std::uint64_t steps) { total_ += steps; }
  void step(std::uint64_t steps);

 private:
  DamagedPages& pages_;
  const engine::Link& link_;
  const SalvageOptions& options_;
  SalvageReport report_;
  std::map<std::string, std::uint64_t> findings_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

// Every row of a tree that can be decoded: of an index with proof, of a table without. False: some of
// it cannot be read.
bool visit_rows(Salvaging& salvaging,
                const char* tree,
                TreeKind kind,
                const std::function<void(const std::vector<StoredField>&)>& visit);
// What an index on names says.
void visit_names(Salvaging& salvaging,
                 const char* index,
                 const std::function<void(std::int64_t key, const std::string& name)>& visit);

// The parts, in order.
void find_roots(Salvaging& salvaging);        // throws not_a_database, schema_too_new
void find_removals(Salvaging& salvaging);     // what the file was about to free
void salvage_rows(Salvaging& salvaging);      // all tables with digests, and contents
void free_removed(Salvaging& salvaging);      // the contents of that
void salvage_identity(Salvaging& salvaging);  // the store's row, leases, keys that were given
void mend_payloads(Salvaging& salvaging);
void rebuild_owners(Salvaging& salvaging);  // whose row is lost, by the index on their names
void mend_sessions(Salvaging& salvaging);
void mend_runs(Salvaging& salvaging);
void mend_checkpoints(Salvaging& salvaging);
void mend_manifests(Salvaging& salvaging);
void mend_state(Salvaging& salvaging);
void mend_contents(Salvaging& salvaging);  // logs and contents without an owner go
void seal_rows(Salvaging& salvaging);      // the digests of what was changed

}  // namespace holdfast::maintain
