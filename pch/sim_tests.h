// Precompiled: what most simulations include.
#pragma once
#include "export.h"

#include "loopback_fixture.h"
#include "sim_device.h"
#include "sim_run.h"
