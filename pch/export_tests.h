// Precompiled: what most of export's tests include.
#pragma once
#include "export.h"

#include "loopback_fixture.h"
#include "single_file_fixture.h"
