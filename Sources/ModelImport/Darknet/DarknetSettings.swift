import Engine
import Graphs

/// The settings that a section may have. Whatever else stands there is refused: each may change the result, and a slip
/// in a name would pass for a setting that is missing.
enum DarknetSettings {
    /// Read by `DarknetGraphBuilder`, by the section's full name.
    private static let read: [String: Set<String>] = [
        "net": ["width", "height", "channels"],
        "convolutional": [
            "filters", "size", "stride", "stride_x", "stride_y", "groups", "dilation", "pad", "padding", "activation",
            "batch_normalize",
        ],
        "connected": ["output", "activation", "batch_normalize"],
        "maxpool": ["size", "stride", "stride_x", "stride_y", "padding"],
        "avgpool": [], "dropout": [], "cost": [],
        "upsample": ["stride", "scale"],
        "shortcut": ["from", "activation"],
        "route": ["layers", "groups", "group_id"],
        "softmax": ["groups", "temperature", "spatial"],
        "yolo": ["classes", "mask", "anchors", "num", "scale_x_y", "new_coords"],
    ]

    /// Without influence on what a trained network answers, in every section: training, and the order of work on a
    /// graphics card.
    private static let idle: Set<String> = [
        "stopbackward", "onlyforward", "dont_update", "burnin_update", "train_only_bn", "learning_rate", "clip",
        "dynamic_minibatch", "stream", "wait_stream", "grad_centr", "learning_rate_scale",
    ]

    /// The same in one section: training, and how boxes are chosen from the outputs, which is left to the caller.
    private static let idleHere: [String: Set<String>] = [
        "net": [
            "batch", "subdivisions", "momentum", "decay", "policy", "steps", "scales", "seq_scales", "step", "gamma",
            "power", "burn_in", "max_batches", "angle", "saturation", "exposure", "hue", "aspect", "min_crop",
            "max_crop", "flip", "blur", "gaussian_noise", "mixup", "cutmix", "mosaic", "mosaic_bound", "letter_box",
            "adam", "B1", "B2", "eps", "track", "augment_speed", "sequential_subdivisions",
            "init_sequential_subdivisions", "try_fix_nan", "optimized_memory", "workspace_size_limit_MB", "loss_scale",
            "label_smooth_eps", "ema_alpha", "sgdr_cycle", "sgdr_mult", "max_chart_loss", "contrastive",
            "contrastive_jit_flip", "contrastive_color", "unsupervised", "adversarial_lr", "attention",
            "weights_reject_freq", "equidistant_point", "num_sigmas_reject_badlabels", "badlabels_reject_threshold",
            "badlabels_rejection_percentage", "crop", "random", "inputs",
        ],
        "convolutional": ["assisted_excitation"],
        "connected": [],
        "shortcut": ["weights_normalization", "assisted_excitation"],
        "dropout": ["probability", "dropblock", "dropblock_size_rel", "dropblock_size_abs"],
        "cost": ["type", "scale", "ratio", "thresh", "noobj", "coord_scale", "object_scale", "noobject_scale"],
        "softmax": ["noloss"],
        "yolo": [
            "jitter", "resize", "ignore_thresh", "truth_thresh", "random", "max", "map",
            "counters_per_class", "iou_normalizer", "obj_normalizer", "cls_normalizer", "delta_normalizer",
            "iou_loss", "iou_thresh", "iou_thresh_kind", "beta_nms", "nms_kind", "label_smooth_eps", "max_delta",
            "focal_loss", "objectness_smooth", "show_details", "bias_match", "thresh", "background",
        ],
    ]

    /// Supported at one value only: the one that leaves the layer as it is.
    private static let neutral: [String: [String: Float]] = [
        "convolutional": [
            "antialiasing": 0, "xnor": 0, "binary": 0, "bin_output": 0, "use_bin_output": 0, "flipped": 0, "sway": 0,
            "rotate": 0, "stretch": 0, "stretch_sway": 0, "reverse": 0, "dot": 0, "coordconv": 0, "dontload": 0,
            "dontloadscales": 0, "numload": 0,
        ],
        "connected": ["flipped": 0, "dontload": 0, "dontloadscales": 0],
        "maxpool": ["antialiasing": 0, "maxpool_depth": 0],
        "upsample": ["reverse": 0],
        "shortcut": ["alpha": 1, "beta": 1],
        "yolo": ["embedding_layer": 0, "track_history_size": 0],
        "net": ["time_steps": 1, "transpose": 0, "center": 0],
    ]

    private static let fullNames = [
        "network": "net", "conv": "convolutional", "conn": "connected", "max": "maxpool", "avg": "avgpool",
        "soft": "softmax",
    ]

    /// - Throws: for the first setting, by name, that may change the result otherwise than is read.
    static func check(_ section: DarknetConfiguration.Section) throws(GraphFailure) {
        let type = fullNames[section.type] ?? section.type
        guard let known = read[type] else { return }
        for (name, text) in section.values.sorted(by: { $0.key < $1.key }) {
            if known.contains(name) || idle.contains(name) || idleHere[type]?.contains(name) == true { continue }
            if let value = neutral[type]?[name], Float(text) == value { continue }
            if (type, name, text) == ("shortcut", "weights_type", "none") { continue }
            // The depth that it is brought to where maxpool_depth asks for that.
            if (type, name) == ("maxpool", "out_channels"), section.values["maxpool_depth", default: "0"] == "0" {
                continue
            }
            throw GraphFailure("\(name.printable)=\(text.printable) is not supported")
        }
    }
}
