import CKernels

/// The kernels that rearrange, combine and normalise maps, all of one instruction set.
struct MapKernels: Sendable {
    let fromRows: ck_function
    let toRows: ck_function
    let gather: ck_function
    let resample: ck_function
    let interleave: ck_function
    let combine: ck_function
    let affine: ck_function
    let softmax: ck_function
    let layerNorm: ck_function
    let grouped: ck_function
    let filter: ck_function

    init(_ row: (ck_operation) -> ck_function) {
        fromRows = row(CK_OP_FROM_ROWS)
        toRows = row(CK_OP_TO_ROWS)
        gather = row(CK_OP_GATHER)
        resample = row(CK_OP_RESAMPLE)
        interleave = row(CK_OP_INTERLEAVE)
        combine = row(CK_OP_COMBINE)
        affine = row(CK_OP_AFFINE)
        softmax = row(CK_OP_SOFTMAX)
        layerNorm = row(CK_OP_LAYER_NORM)
        grouped = row(CK_OP_GROUPED)
        filter = row(CK_OP_FILTER)
    }
}
