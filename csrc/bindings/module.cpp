// The native module, lowerpose_ops._C: a table of its functions. (LOWERPOSE_MODULE is its name; the
// tests build another one.)
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/annotations.h"
#include "bindings/tensor_caster.h"
#include "core/check.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "ops/decode_and_score.h"
#include "ops/flip_merge.h"
#include "ops/gaussian_joints_mse.h"
#include "ops/gaussian_targets.h"
#include "ops/heatmap_decode.h"
#include "ops/joints_mse.h"
#include "ops/joints_mse_general.h"
#include "ops/keypoint_ap.h"
#include "ops/keypoint_ap_curves.h"
#include "ops/mpjpe.h"
#include "ops/oks.h"
#include "ops/pck.h"
#include "ops/soft_argmax.h"
#include "ops/to_image.h"

namespace py = pybind11;
using namespace lowerpose;

using OptionalView = std::optional<TensorView>;

// What a preset of targets fixes, in the order of GaussianJointsOptions.
using Drawing = std::tuple<std::string, std::string, std::string, std::string, std::string,
                           std::string, std::string>;

// In the order of GaussianJointsMSEOptions.
using GaussianJointsMSERules = std::tuple<bool, bool, bool, std::int64_t, double>;

// In the order of PckOptions.
using PckRules = std::tuple<double, std::vector<std::int64_t>, std::string, std::vector<double>,
                            bool, std::vector<double>, std::optional<double>,
                            std::optional<std::vector<std::int64_t>>, std::string>;

// What a preset fixes, in the order of HeatmapDecodeOptions and TaylorOptions.
using DecodeRules =
    std::tuple<std::string, std::string, std::string, std::string, std::string, bool, bool>;
using TaylorStep = std::tuple<int, int, double, std::string, std::string, double, double, double,
                              bool, bool, std::string>;

// convention, pixel_std and scale_axes
using ImageRules = std::tuple<std::string, double, std::string>;

template <class Options, class Tuple>
Options from_tuple(const Tuple& tuple) {
  return std::apply([](const auto&... members) { return Options{members...}; }, tuple);
}

PYBIND11_MODULE(LOWERPOSE_MODULE, m) {
  py::register_exception_translator([](std::exception_ptr pending) {
    try {
      if (pending) std::rethrow_exception(pending);
    } catch (const TypeError& error) {
      PyErr_SetString(PyExc_TypeError, error.what());
    } catch (const ValueError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });

  m.attr("cuda_version") = LOWERPOSE_CUDA_VERSION;  // "" when built without CUDA
  m.attr("cuda_architectures") = LOWERPOSE_CUDA_ARCHITECTURES;
  m.attr("cpu_kernels") = kCPUKernels;  // else the tests' emulator runs on the CPU's memory
  m.def("simd_level", &simd_level);
  m.def("usable_threads", &usable_threads);

  const auto no_gil = py::call_guard<py::gil_scoped_release>();
  m.def(
      "decode_and_score",
      [](const TensorView& heatmaps, const TensorView& gt, const TensorView& valid,
         const OptionalView& norm, const OptionalView& flipped, const OptionalView& center,
         const OptionalView& scale, const OptionalView& matrix, const TensorView& coords,
         const TensorView& scores, const TensorView& counts,
         const std::vector<std::int64_t>& flip_pairs, bool shift, const DecodeRules& rules,
         const TaylorStep& taylor, const ImageRules& image, const PckRules& pck, int threads) {
        const auto& [convention, pixel_std, scale_axes] = image;
        decode_and_score({heatmaps, gt, valid, norm, flipped, center, scale, matrix}, coords,
                         scores, counts, flip_pairs, shift, from_tuple<HeatmapDecodeOptions>(rules),
                         from_tuple<TaylorOptions>(taylor),
                         {0, 0, convention, pixel_std, scale_axes, "affine"},
                         from_tuple<PckOptions>(pck), threads);
      },
      no_gil);
  m.def("flip_merge", &flip_merge, no_gil);
  m.def(
      "gaussian_targets",
      [](const TensorView& joints, const TensorView& visible, const TensorView& targets,
         const TensorView& weights, double sigma, const OptionalView& sigmas,
         const Drawing& drawing, int threads) {
        gaussian_targets(joints, visible, targets, weights, sigma, sigmas,
                         from_tuple<GaussianJointsOptions>(drawing), threads);
      },
      no_gil);
  m.def("gaussian_joints_mse_scratch", &gaussian_joints_mse_scratch);
  m.def(
      "gaussian_joints_mse",
      [](const TensorView& output, const TensorView& joints, const TensorView& visible,
         double sigma, const OptionalView& sigmas, const Drawing& drawing, const TensorView& loss,
         const OptionalView& scratch, const OptionalView& gradient, const OptionalView& scales,
         const GaussianJointsMSERules& rules, int threads) {
        gaussian_joints_mse(output, joints, visible, sigma, sigmas,
                            from_tuple<GaussianJointsOptions>(drawing), loss, scratch, gradient,
                            scales, from_tuple<GaussianJointsMSEOptions>(rules), threads);
      },
      no_gil);
  m.def(
      "gaussian_joints_mse_backward",
      [](const TensorView& incoming, const TensorView& output, const TensorView& joints,
         const TensorView& visible, double sigma, const OptionalView& sigmas,
         const Drawing& drawing, const OptionalView& scales, const TensorView& gradient,
         bool unless_one, const GaussianJointsMSERules& rules, int threads) {
        gaussian_joints_mse_backward(incoming, output, joints, visible, sigma, sigmas,
                                     from_tuple<GaussianJointsOptions>(drawing), scales, gradient,
                                     unless_one, from_tuple<GaussianJointsMSEOptions>(rules),
                                     threads);
      },
      no_gil);
  m.def(
      "gaussian_joints_mse_joints_backward",
      [](const TensorView& incoming, const TensorView& output, const TensorView& joints,
         const TensorView& visible, double sigma, const OptionalView& sigmas,
         const Drawing& drawing, const OptionalView& scales, const TensorView& to_joints,
         const TensorView& to_sigmas, const GaussianJointsMSERules& rules, int threads) {
        gaussian_joints_mse_joints_backward(incoming, output, joints, visible, sigma, sigmas,
                                            from_tuple<GaussianJointsOptions>(drawing), scales,
                                            to_joints, to_sigmas,
                                            from_tuple<GaussianJointsMSEOptions>(rules), threads);
      },
      no_gil);
  m.def("joints_mse_scratch", &joints_mse_scratch);
  m.def(
      "joints_mse",
      [](const TensorView& output, const TensorView& target, const OptionalView& weight,
         const TensorView& loss, const OptionalView& scratch, const OptionalView& gradient,
         bool squared_weight, bool mean, double loss_weight, int threads) {
        joints_mse(output, target, weight, loss, scratch, gradient,
                   {squared_weight, mean, loss_weight}, threads);
      },
      no_gil);
  m.def(
      "joints_mse_backward",
      [](const TensorView& incoming, const TensorView& output, const TensorView& target,
         const OptionalView& weight, const TensorView& gradient, bool unless_one,
         bool squared_weight, bool mean, double loss_weight, int threads) {
        joints_mse_backward(incoming, output, target, weight, gradient, unless_one,
                            {squared_weight, mean, loss_weight}, threads);
      },
      no_gil);
  m.def(
      "decode_heatmaps",
      [](const TensorView& heatmaps, const TensorView& coords, const TensorView& scores,
         const OptionalView& covariance, const OptionalView& flipped,
         const std::vector<std::int64_t>& flip_pairs, bool shift, const DecodeRules& rules,
         const TaylorStep& taylor, int threads) {
        decode_heatmaps(heatmaps, coords, scores, covariance, flipped, flip_pairs, shift,
                        from_tuple<HeatmapDecodeOptions>(rules), from_tuple<TaylorOptions>(taylor),
                        threads);
      },
      no_gil);
  m.def(
      "joints_mse_general",
      [](const TensorView& output, const TensorView& target, const OptionalView& weight,
         const OptionalView& mask, const TensorView& loss, const OptionalView& scales,
         const OptionalView& sums, const OptionalView& ticket, bool squared_weight,
         const std::string& reduction, const std::string& denominator, bool skip_empty,
         std::int64_t topk, double loss_weight, int threads) {
        joints_mse_general(output, target, weight, mask, loss, scales, sums, ticket,
                           {squared_weight, reduction, denominator, skip_empty, topk, loss_weight},
                           threads);
      },
      no_gil);
  m.def("joints_mse_general_backward", &joints_mse_general_backward, no_gil);
  m.def("keypoint_ap_order", &keypoint_ap_order, no_gil);
  m.def(
      "keypoint_ap_match",
      [](const TensorView& pred, const TensorView& pred_area, const TensorView& pred_takes,
         const TensorView& pred_offsets, const TensorView& gt, const TensorView& gt_box,
         const TensorView& gt_scale, const TensorView& gt_area, const TensorView& gt_ignored,
         const TensorView& gt_crowd, const TensorView& gt_counts, const TensorView& gt_offsets,
         const TensorView& variances, const TensorView& thresholds, const TensorView& ranges,
         const TensorView& oks_offsets, const TensorView& oks, const TensorView& match,
         const TensorView& outcome, const TensorView& positives, const TensorView& joints,
         const TensorView& order, const TensorView& near, const TensorView& taken,
         const TensorView& reach, bool nan_matches, int threads) {
        keypoint_ap_match(
            {pred,    pred_area,   pred_takes, pred_offsets, gt,         gt_box,    gt_scale,
             gt_area, gt_ignored,  gt_crowd,   gt_counts,    gt_offsets, variances, thresholds,
             ranges,  oks_offsets, oks,        match,        outcome,    positives, joints,
             order,   near,        taken,      reach},
            nan_matches, threads);
      },
      no_gil);
  m.def(
      "keypoint_ap_curves",
      [](const TensorView& outcome, const TensorView& positives, const TensorView& scores,
         const TensorView& pred_offsets, const TensorView& images, const TensorView& categories,
         const TensorView& ranges, const TensorView& max_dets, const TensorView& recalls,
         const TensorView& precision, const TensorView& recall, const TensorView& score,
         const TensorView& order, const TensorView& rank, const TensorView& count, int threads) {
        keypoint_ap_curves({outcome, positives, scores, pred_offsets, images, categories, ranges,
                            max_dets, recalls, precision, recall, score, order, rank, count},
                           threads);
      },
      no_gil);
  m.def(
      "mpjpe",
      [](const std::string& operation, const TensorView& pred, const TensorView& gt,
         const OptionalView& mask, const std::string& align, const std::vector<std::int64_t>& roots,
         const std::string& output, const TensorView& result, const TensorView& totals,
         const TensorView& sums, const TensorView& ticket, int threads) {
        mpjpe(operation, pred, gt, mask, {align, roots, output}, result, totals, sums, ticket,
              threads);
      },
      no_gil);
  m.def(
      "mpjpe_backward",
      [](const std::string& operation, const TensorView& incoming, const TensorView& pred,
         const TensorView& gt, const OptionalView& mask, const std::string& align,
         const std::vector<std::int64_t>& roots, const std::string& output,
         const TensorView& totals, const TensorView& pred_gradient, const TensorView& gt_gradient,
         int threads) {
        mpjpe_backward(operation, incoming, pred, gt, mask, {align, roots, output}, totals,
                       pred_gradient, gt_gradient, threads);
      },
      no_gil);
  m.def(
      "oks",
      [](const TensorView& pred, const TensorView& gt, const TensorView& visible,
         const TensorView& area, const OptionalView& sigmas,
         const std::vector<double>& sigma_values, const OptionalView& pred_visible,
         const OptionalView& pred_area, const OptionalView& box, double eps,
         const std::string& no_visible, const std::string& divide_by, const TensorView& similarity,
         int threads) {
        oks(pred, gt, visible, area, sigmas, sigma_values, pred_visible, pred_area, box,
            {eps, no_visible, divide_by}, similarity, threads);
      },
      no_gil);
  m.def(
      "pck_counts",
      [](const std::string& operation, const TensorView& pred, const TensorView& gt,
         const TensorView& valid, const OptionalView& norm, const PckRules& rules,
         const TensorView& correct, const TensorView& counted, const TensorView& errors,
         const TensorView& scores, const TensorView& scratch) {
        pck_counts(operation, pred, gt, valid, norm, from_tuple<PckOptions>(rules), correct,
                   counted, errors, scores, scratch);
      },
      no_gil);
  m.def("read_annotations", &read_annotations);
  m.def("read_annotation_lists", &read_annotation_lists);
  m.def("soft_argmax", &soft_argmax, no_gil);
  m.def("soft_argmax_backward", &soft_argmax_backward, no_gil);
  m.def(
      "to_image",
      [](const TensorView& coords, const OptionalView& center, const OptionalView& scale,
         const OptionalView& matrix, const TensorView& out, std::int64_t width, std::int64_t height,
         const std::string& convention, double pixel_std, const std::string& scale_axes,
         const std::string& mode, int threads) {
        to_image(coords, center, scale, matrix, out,
                 {width, height, convention, pixel_std, scale_axes, mode}, threads);
      },
      no_gil);
}
