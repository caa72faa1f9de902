package import CKernels

/// Operations of which only a part is computed.
extension PlanOperation {
    /// The kernel that does a part of the operation, `nil` where there is none.
    package var maskedOperation: ck_operation? {
        guard inputElement == .float32, outputElement == .float32, weightElement == .float32 else { return nil }
        switch kind {
        case .pointwise: return output.pixels > 1 && weightsOffset < 0 ? CK_OP_MASKED_POINTWISE : nil
        case .depthwise: return meansOffset < 0 ? CK_OP_MASKED_DEPTHWISE : nil
        case .convolution: return CK_OP_MASKED_CONVOLUTION
        case .winogradInput: return CK_OP_MASKED_WINOGRAD_INPUT
        case .winogradOutput: return CK_OP_MASKED_WINOGRAD_OUTPUT
        default: return nil
        }
    }

    /// Computes what a mask asks for.
    /// - Parameter function: of `maskedOperation`.
    package func perform(in arena: UnsafeMutablePointer<Float>, _ function: ck_function, _ mask: ck_mask) {
        switch kind {
        case .pointwise:
            var call = ck_masked_pointwise(call: pointwiseCall(in: arena), mask: mask, width: Int32(output.width))
            function(&call, 0, 1)
        case .depthwise:
            var call = ck_masked_depthwise(call: depthwiseCall(in: arena), mask: mask)
            function(&call, 0, 1)
        case .convolution:
            var call = ck_masked_convolution(call: convolutionCall(in: arena), mask: mask)
            function(&call, 0, 1)
        default:
            var call = ck_masked_winograd(call: winogradCall(in: arena), mask: mask)
            let across = (output.width + tileSide - 1) / tileSide
            let first = max(tiles.lowerBound, Int(mask.first_row) / tileSide * across)
            let end = min(tiles.upperBound, (Int(mask.end_row) + tileSide - 1) / tileSide * across)
            guard first < end else { return }
            call.call.first_tile = Int32(first)
            call.call.tiles = Int32(end - first)
            function(&call, 0, 1)
        }
    }

    /// Takes over weights and epilogue of the same operation.
    package mutating func replaceWeights(by other: PlanOperation) {
        precondition(other.kind == kind && other.input == input && other.output == output, "\(other.kind) for \(kind)")
        (weights, scale, shift) = (other.weights, other.scale, other.shift)
    }
}
