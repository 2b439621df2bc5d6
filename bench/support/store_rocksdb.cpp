// RocksDB with what its "Setup Options and Basic Tuning" advises for those who know nothing of their load: block
// cache, bloom filter of 10 bits over whole keys, 16 KiB blocks, index and filter in the cache.
#include "support/store.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

namespace bench {

namespace {

void check(const rocksdb::Status& status) {
  if (!status.ok()) fail("RocksDB: " + status.ToString());
}

rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

rocksdb::Options advised() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.level_compaction_dynamic_level_bytes = true;
  options.max_background_jobs = 6;
  options.bytes_per_sync = 1 << 20;
  options.compaction_pri = rocksdb::kMinOverlappingRatio;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  table.block_size = 16 << 10;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.whole_key_filtering = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksStore : public Store {
 public:
  explicit RocksStore(const StoreOptions& options) {
    rocksdb::DB* database = nullptr;
    check(rocksdb::DB::Open(advised(), options.folder.string(), &database));
    database_.reset(database);
    write_.sync = options.sync;
  }

  void write(std::span<const PairView> pairs) override {
    rocksdb::WriteBatch batch;
    for (const PairView& pair : pairs)
      check(removes(pair) ? batch.Delete(slice(pair.first))
                          : batch.Put(slice(pair.first), slice(pair.second)));
    check(database_->Write(write_, &batch));
  }

  std::optional<std::string> get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status = database_->Get(read_, slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    check(status);
    return value;
  }

  std::vector<Pair> scan(std::string_view prefix) override {
    std::vector<Pair> found;
    const std::unique_ptr<rocksdb::Iterator> at(database_->NewIterator(read_));
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
      found.emplace_back(at->key().ToString(), at->value().ToString());
    check(at->status());
    return found;
  }

  void set_sync(bool sync) override { write_.sync = sync; }

 private:
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::ReadOptions read_;
  rocksdb::WriteOptions write_;
};

}  // namespace

std::unique_ptr<Store> open_rocksdb(const StoreOptions& options) {
  return std::make_unique<RocksStore>(options);
}

std::string rocksdb_version() {
  return std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
         std::to_string(ROCKSDB_PATCH);
}

}  // namespace bench
