// Options on a command line, `a.b=c,d.0=x`, as a JsonValue of dictionaries, lists and strings.
//
//   driver=qcow2,file.driver=file,file.filename=a,,b   ->  {"driver": "qcow2",
//                                                 "file": {"driver": "file", "filename": "a,b"}}
//
// A dot in a key descends. A level whose keys are all numbers is a list; they must be 0, 1, ... .
// `,,` in a value is one comma. A key that occurs twice has its last value. With an implied key,
// a first part without '=' is its value: `file,filename=x` with implied key "driver".
// Values stay strings; InputVisitor (qapi/visitor.h) converts them. Messages are QEMU's:
// "Invalid parameter 'x'", "Expected '=' after parameter 'x'",
// "Parameters 'x.*' used inconsistently", "Parameter 'x.0' missing".
#pragma once
#include <string_view>

#include "base/result.h"
#include "qapi/json.h"

namespace fusebay::qapi {

struct OptionText {
  JsonValue value;
  // The text has a part "help" or "?"; it is not in the value.
  bool help = false;
  // The text was JSON: convert with VisitForm::kJson, else with kKeyval.
  bool is_json = false;
};

// `implied_key` is empty if there is none.
Result<OptionText, Error> ParseKeyval(std::string_view text, std::string_view implied_key);

// Either form: JSON if the text begins with '{'.
Result<OptionText, Error> ParseOptionText(std::string_view text, std::string_view implied_key);

}  // namespace fusebay::qapi
