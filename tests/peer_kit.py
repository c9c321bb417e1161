"""A stand-in for checkouts of TFLM and CMSIS-NN: the folders, names and interfaces of both, and one operator.

It proves what is ours: which files are compiled and how, the glue to the serial firmware, the measuring. What must not
be compiled does not compile.
"""

from __future__ import annotations

from pathlib import Path

ARENA_BYTES = 1000  # that the stand-in needs, and what it says that it used
USED_BYTES = 700
MICRO = "tensorflow/lite/micro"
DOWNLOADS = f"{MICRO}/tools/make/downloads"
NOT_TO_BE_COMPILED = '#error "this file is not for the firmware"\n'

INTERPRETER_H = """
#pragma once
#include <cstddef>
#include <cstdint>
#include "fixedpoint/fixedpoint.h"
#include "flatbuffers/flatbuffers.h"
#include "ruy/profiler/instrumentation.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
struct TfLiteTensor { union { void *data; int8_t *int8; } data; };
namespace tflite {
class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena, size_t bytes);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  size_t arena_used_bytes() const { return USED_BYTES; }
  TfLiteTensor *input(size_t) { return &input_; }
  TfLiteTensor *output(size_t) { return &output_; }
 private:
  const MicroOpResolver &resolver_;
  uint8_t *arena_;
  size_t bytes_;
  TfLiteTensor input_, output_;
};
}
"""
INTERPRETER_CC = """
#include <cmath>
#include <cstdlib>
#include "tensorflow/lite/micro/micro_interpreter.h"
extern "C" void DebugLog(const char *format, __builtin_va_list arguments);
namespace tflite {
struct Constructed { int value; Constructed() : value(Count()) {} static int Count(); };
int Constructed::Count() { volatile int n = 16; return n; }
static Constructed elements;  // needs its constructor
MicroInterpreter::MicroInterpreter(const Model *, const MicroOpResolver &resolver, uint8_t *arena, size_t bytes)
    : resolver_(resolver), arena_(arena), bytes_(bytes) {}
MicroInterpreter::~MicroInterpreter() {}
TfLiteStatus MicroInterpreter::AllocateTensors() {
  if (bytes_ == 0 || std::isnan(std::round(static_cast<float>(bytes_)))) abort();
  if (bytes_ < USED_BYTES / 2) abort();
  if (bytes_ < ARENA_BYTES) return kTfLiteError;
  input_.data.data = arena_;
  output_.data.data = arena_ + ARENA_BYTES / 2;
  return kTfLiteOk;
}
TfLiteStatus MicroInterpreter::Invoke() {
  if (elements.value != 16) return kTfLiteError;
  if (resolver_.count() != 1) abort();
  resolver_.eval(input_.data.int8, output_.data.int8, elements.value);
  return kTfLiteOk;
}
}
"""
RESOLVER_H = """
#pragma once
#include <cstdint>
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
namespace tflite {
void EvalRelu6(const int8_t *in, int8_t *out, int count);
struct MicroOpResolver {
  virtual ~MicroOpResolver() {}
  virtual int count() const = 0;
  void (*eval)(const int8_t *, int8_t *, int);
};
template <unsigned int n> struct MicroMutableOpResolver : MicroOpResolver {
  int count() const override { return n; }
  TfLiteStatus AddRelu6() { eval = EvalRelu6; return kTfLiteOk; }
};
}
"""
SCHEMA_H = """
#pragma once
namespace tflite {
struct Model;
inline const Model *GetModel(const void *data) { return static_cast<const Model *>(data); }
}
"""
ACTIVATIONS_CC = """
#include "Include/arm_nnfunctions.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#if !defined(CMSIS_NN) || !defined(TF_LITE_STATIC_MEMORY) || !defined(NDEBUG)
#error "compiled with other flags than TFLM's own"
#endif
namespace tflite { void EvalRelu6(const int8_t *in, int8_t *out, int count) { arm_clamp_s8(in, out, count); } }
"""
CMSIS_H = """
#include <stdint.h>
#ifdef __cplusplus
extern "C"
#endif
void arm_clamp_s8(const int8_t *in, int8_t *out, int32_t count);
"""
CMSIS_C = """
#include "arm_nnfunctions.h"
void arm_clamp_s8(const int8_t *in, int8_t *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = in[i] < %d ? %d : in[i] > %d ? %d : in[i];
    }
}
"""


def write_checkouts(folder: Path, low: int, high: int) -> dict[str, str]:
    """Both checkouts in ``folder``, and the variables that name them. RELU6 clamps to ``low`` and ``high``."""
    tflm = {
        f"{MICRO}/micro_interpreter.h": INTERPRETER_H,
        f"{MICRO}/micro_interpreter.cc": INTERPRETER_CC,
        f"{MICRO}/micro_mutable_op_resolver.h": RESOLVER_H,
        f"{MICRO}/micro_interpreter_test.cc": NOT_TO_BE_COMPILED,
        f"{MICRO}/debug_log.cc": NOT_TO_BE_COMPILED,
        f"{MICRO}/examples/hello_world.cc": NOT_TO_BE_COMPILED,
        f"{MICRO}/kernels/activations.cc": NOT_TO_BE_COMPILED,
        f"{MICRO}/kernels/softmax.cc": NOT_TO_BE_COMPILED,
        f"{MICRO}/kernels/kernel_util.cc": "",
        f"{MICRO}/kernels/cmsis_nn/activations.cc": ACTIVATIONS_CC,
        "tensorflow/lite/core/c/common.cc": "",
        "tensorflow/lite/experimental/other.cc": NOT_TO_BE_COMPILED,
        "tensorflow/lite/schema/schema_generated.h": SCHEMA_H,
        f"{DOWNLOADS}/flatbuffers/include/flatbuffers/flatbuffers.h": "",
        f"{DOWNLOADS}/gemmlowp/fixedpoint/fixedpoint.h": "",
        f"{DOWNLOADS}/ruy/ruy/profiler/instrumentation.h": "",
    }
    cmsis_nn = {
        "Include/arm_nnfunctions.h": CMSIS_H,
        "Source/ActivationFunctions/arm_clamp_s8.c": CMSIS_C % (low, low, high, high),
        "Source/ActivationFunctions/arm_clamp_f16.c": NOT_TO_BE_COMPILED,
    }
    for name in (f"{MICRO}/micro_interpreter.h", f"{MICRO}/micro_interpreter.cc"):
        tflm[name] = tflm[name].replace("ARENA_BYTES", str(ARENA_BYTES)).replace("USED_BYTES", str(USED_BYTES))
    for name, files in (("tflite-micro", tflm), ("CMSIS-NN", cmsis_nn)):
        for path, text in files.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_text(text, encoding="utf-8")
    return {"TFLM_DIR": str(folder / "tflite-micro"), "CMSIS_NN_DIR": str(folder / "CMSIS-NN")}
