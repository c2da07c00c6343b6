// The files that a qcow2 image refers to: finds and opens the backing image and the data file.
#pragma once
#include <string>

#include "qcow2/qcow2_image.h"

namespace fusebay::qcow2 {

// An image that is written is nobody else's, from its opening to its end: its tables in memory are
// ahead of those on the disk.
inline constexpr PermissionSet kWriteAlone{kPermConsistentRead | kPermWrite | kPermResize,
                                           kPermConsistentRead | kPermWriteUnchanged};
// What any other does with its children, none of which may change while it is open.
inline constexpr PermissionSet kReadStable{kPermConsistentRead,
                                           kPermConsistentRead | kPermWriteUnchanged};

// Opens image.backing as the options or the header say, with image.full_backing_name. Warns when
// the header does not say the format. Messages name both files.
Task<Result<Unit, Error>> OpenBacking(const BlockdevOptions& options, OpenContext& context,
                                      Image& image);

// Opens image.data_file if the image has one.
Task<Result<Unit, Error>> OpenDataFile(const BlockdevOptions& options, OpenContext& context,
                                       Image& image);

}  // namespace fusebay::qcow2
