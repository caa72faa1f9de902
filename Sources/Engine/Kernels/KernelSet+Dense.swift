import CKernels

/// The kernels of ordinary convolutional networks, all of one instruction set.
struct DenseKernels: Sendable {
    let convolution: ck_function
    let imageConvolution: ck_function
    let border: ck_function
    let winogradInput: ck_function
    let winogradOutput: ck_function
    let windowPool: ck_function
    let add: ck_function

    init(_ row: (ck_operation) -> ck_function) {
        convolution = row(CK_OP_CONVOLUTION)
        imageConvolution = row(CK_OP_IMAGE_CONVOLUTION)
        border = row(CK_OP_BORDER)
        winogradInput = row(CK_OP_WINOGRAD_INPUT)
        winogradOutput = row(CK_OP_WINOGRAD_OUTPUT)
        windowPool = row(CK_OP_WINDOW_POOL)
        add = row(CK_OP_ADD)
    }
}
