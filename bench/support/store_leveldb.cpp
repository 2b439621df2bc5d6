// LevelDB: a WriteBatch per batch, WriteOptions::sync where asked for, a block cache and a bloom filter of 10 bits, as its
// documents advise for random reads.
#include "support/store.hpp"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

namespace bench {

namespace {

void check(const leveldb::Status& status) {
  if (!status.ok()) fail("LevelDB: " + status.ToString());
}

leveldb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

class LevelStore : public Store {
 public:
  explicit LevelStore(const StoreOptions& options)
      : cache_(leveldb::NewLRUCache(kCacheBytes)), filter_(leveldb::NewBloomFilterPolicy(10)) {
    leveldb::Options settings;
    settings.create_if_missing = true;
    settings.block_cache = cache_.get();
    settings.filter_policy = filter_.get();
    leveldb::DB* database = nullptr;
    check(leveldb::DB::Open(settings, options.folder.string(), &database));
    database_.reset(database);
    write_.sync = options.sync;
  }

  void write(std::span<const PairView> pairs) override {
    leveldb::WriteBatch batch;
    for (const PairView& pair : pairs) {
      if (removes(pair)) {
        batch.Delete(slice(pair.first));
      } else {
        batch.Put(slice(pair.first), slice(pair.second));
      }
    }
    check(database_->Write(write_, &batch));
  }

  std::optional<std::string> get(std::string_view key) override {
    std::string value;
    const leveldb::Status status = database_->Get({}, slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    check(status);
    return value;
  }

  std::vector<Pair> scan(std::string_view prefix) override {
    std::vector<Pair> found;
    const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator({}));
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
      found.emplace_back(at->key().ToString(), at->value().ToString());
    check(at->status());
    return found;
  }

  void set_sync(bool sync) override { write_.sync = sync; }

 private:
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> database_;
  leveldb::WriteOptions write_;
};

}  // namespace

std::unique_ptr<Store> open_leveldb(const StoreOptions& options) {
  return std::make_unique<LevelStore>(options);
}

std::string leveldb_version() {
  return std::to_string(leveldb::kMajorVersion) + "." + std::to_string(leveldb::kMinorVersion);
}

}  // namespace bench
