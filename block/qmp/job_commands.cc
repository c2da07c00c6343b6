// blockdev-create, query-jobs and the verbs of jobs.
#include "block/create_job.h"
#include "block/qmp_block.h"

namespace fusebay {

namespace {

using Done = Result<Unit, qapi::QmpError>;

Done ToReply(const Result<Unit, Error>& result) {
  return result.ok() ? Done(Unit{}) : Done(qapi::QmpError(result.error()));
}

Prealloc ToPrealloc(std::optional<qapi::PreallocMode> mode) {
  switch (mode.value_or(qapi::PreallocMode::kOff)) {
    case qapi::PreallocMode::kOff:
      return Prealloc::kOff;
    case qapi::PreallocMode::kMetadata:
      return Prealloc::kMetadata;
    case qapi::PreallocMode::kFalloc:
      return Prealloc::kFalloc;
    case qapi::PreallocMode::kFull:
      return Prealloc::kFull;
  }
  FB_ASSERT(false);
}

CreateFileOptions ToFile(const qapi::BlockdevCreateOptionsFile& options) {
  return {.filename = options.filename,
          .size = options.size,
          .preallocation = ToPrealloc(options.preallocation)};
}

Result<BlockdevRef, Error> ToRef(const qapi::BlockdevRef& ref) {
  if (const auto* const name = std::get_if<std::string>(&ref.value)) {
    return BlockdevRef{.node_name = *name, .definition = nullptr};
  }
  FB_ASSIGN(BlockdevOptions definition,
            ToBlockdevOptions(*std::get<qapi::Box<qapi::BlockdevOptions>>(ref.value)));
  return BlockdevRef{.node_name = {},
                     .definition = std::make_unique<BlockdevOptions>(std::move(definition))};
}

Result<CreateQcow2Options, Error> ToQcow2(const qapi::BlockdevCreateOptionsQcow2& options) {
  CreateQcow2Options create;
  FB_ASSIGN(create.file, ToRef(options.file));
  if (options.data_file.has_value()) {
    FB_ASSIGN(create.data_file, ToRef(*options.data_file));
  }
  Qcow2CreateOptions& image = create.options;
  image.size = options.size;
  image.version = options.version == qapi::BlockdevQcow2Version::kV2 ? 2 : 3;
  image.backing_file = options.backing_file.value_or("");
  if (options.backing_fmt.has_value()) {
    image.backing_format = std::string(qapi::EnumName(*options.backing_fmt));
  }
  image.cluster_size = options.cluster_size.value_or(image.cluster_size);
  image.preallocation = ToPrealloc(options.preallocation);
  image.lazy_refcounts = options.lazy_refcounts.value_or(false);
  if (options.refcount_bits.has_value()) {
    image.refcount_bits = static_cast<std::uint64_t>(*options.refcount_bits);
  }
  image.extended_l2 = options.extended_l2.value_or(false);
  image.compression = options.compression_type == qapi::Qcow2CompressionType::kZstd
                          ? Qcow2Compression::kZstd
                          : Qcow2Compression::kZlib;
  image.data_file_raw = options.data_file_raw.value_or(false);
  return create;
}

Result<CreateOptions, Error> ToCreateOptions(const qapi::BlockdevCreateOptions& options) {
  if (const auto* const file = std::get_if<qapi::BlockdevCreateOptionsFile>(&options.u)) {
    return CreateOptions(ToFile(*file));
  }
  if (const auto* const qcow2 = std::get_if<qapi::BlockdevCreateOptionsQcow2>(&options.u)) {
    FB_ASSIGN(CreateQcow2Options create, ToQcow2(*qcow2));
    return CreateOptions(std::move(create));
  }
  return Error{Errno{ENOTSUP}, "Driver does not support blockdev-create"};
}

qapi::JobInfo Describe(const Job& job) {
  FB_ASSERT(job.type() == qapi::EnumName(qapi::JobType::kCreate));
  qapi::JobInfo info{.id = job.id(),
                     .type = qapi::JobType::kCreate,
                     .status = ToQapi(job.status()),
                     .current_progress = static_cast<std::int64_t>(job.current_progress()),
                     .total_progress = static_cast<std::int64_t>(job.total_progress())};
  if (!job.error().empty()) {
    info.error = job.error();
  }
  return info;
}

// A command that does no more than call one function of Jobs with the job's id.
template <class Command>
void AddVerb(qapi::QmpCommands& commands, Jobs& jobs,
             Result<Unit, Error> (Jobs::*verb)(std::string_view)) {
  commands.Add<Command>([&jobs, verb](const auto& arguments, qapi::QmpSession&) {
    return Task<Done>(ToReply((jobs.*verb)(arguments.id)));
  });
}

}  // namespace

void JobCommands::AddTo(qapi::QmpCommands& commands) {
  commands.Add<qapi::BlockdevCreateCommand>(
      [this](const qapi::BlockdevCreateArguments& arguments, qapi::QmpSession&) {
        return Task<Done>(Create(arguments));
      });
  commands.Add<qapi::QueryJobsCommand>([this](Unit, qapi::QmpSession&) {
    return Task<Result<std::vector<qapi::JobInfo>, qapi::QmpError>>(All());
  });
  AddVerb<qapi::JobPauseCommand>(commands, jobs_, &Jobs::Pause);
  AddVerb<qapi::JobResumeCommand>(commands, jobs_, &Jobs::Resume);
  AddVerb<qapi::JobCancelCommand>(commands, jobs_, &Jobs::Cancel);
  AddVerb<qapi::JobCompleteCommand>(commands, jobs_, &Jobs::Complete);
  AddVerb<qapi::JobFinalizeCommand>(commands, jobs_, &Jobs::Finalize);
  AddVerb<qapi::JobDismissCommand>(commands, jobs_, &Jobs::Dismiss);
}

Done JobCommands::Create(const qapi::BlockdevCreateArguments& arguments) {
  Result<CreateOptions, Error> options = ToCreateOptions(arguments.options);
  if (!options.ok()) {
    return qapi::QmpError(options.error());
  }
  return ToReply(jobs_.Start(MakeCreateJob(graph_, arguments.job_id, std::move(*options))));
}

std::vector<qapi::JobInfo> JobCommands::All() const {
  std::vector<qapi::JobInfo> list;
  for (const Job* const job : jobs_.all()) {
    list.push_back(Describe(*job));
  }
  return list;
}

}  // namespace fusebay
