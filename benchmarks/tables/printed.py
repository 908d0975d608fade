"""What TabPC's authors print (arXiv 2603.23016, april-tools/tabpc, article_material/our_results): means over
five trainings, TVAE and CTGAN enlarged to about 10 million parameters, SDMetrics 0.24, XGBoost judges.
Their AUC is of an XGBoost tuned on a grid, and their training times are of a GPU they do not name."""

SOURCE = "TabPC's table of results (arXiv 2603.23016), five trainings"
MODELS = ("CTGAN", "TVAE", "TabSyn", "TabDiff", "factorised", "shallow mixture", "TabPC")
_ROWS = {
    ("adult", "Shape"): (0.8087, 0.7619, 0.9921, 0.9932, 0.9961, 0.9924, 0.9942),
    ("adult", "Trend"): (0.7581, 0.6664, 0.9795, 0.9846, 0.9251, 0.9814, 0.9856),
    ("adult", "AUC"): (0.8623, 0.8710, 0.9104, 0.9130, 0.516, 0.9022, 0.9162),
    ("adult", "alpha-precision"): (0.754, 0.623, 0.990, 0.986, None, None, 0.996),
    ("adult", "beta-recall"): (0.131, 0.122, 0.480, 0.526, None, None, 0.500),
    ("adult", "C2ST by logistic"): (0.588, 0.229, 0.987, 0.990, None, None, 0.996),
    ("adult", "C2ST by xgboost"): (0.0000, 0.0000, 0.7942, 0.8409, 0.0160, 0.7727, 0.8554),
    ("adult", "weighted NMI"): (0.842, 0.913, 0.986, 0.989, None, None, 0.993),
    ("adult", "DCR share"): (None, 0.503, 0.507, 0.549, None, None, 0.543),
    ("adult", "seconds"): (3798, 1310, 3083, 11605, None, 60, 272),
    ("shoppers", "Shape"): (0.7406, 0.7508, 0.9852, 0.9851, 0.9934, 0.9712, 0.9910),
    ("shoppers", "Trend"): (0.7554, 0.7928, 0.9771, 0.9809, 0.9367, 0.9503, 0.9822),
    ("shoppers", "AUC"): (0.8501, 0.9032, 0.9144, 0.9170, 0.449, 0.8626, 0.8970),
    ("shoppers", "alpha-precision"): (0.779, 0.480, 0.990, 0.985, None, None, 0.992),
    ("shoppers", "beta-recall"): (0.238, 0.191, 0.479, 0.511, None, None, 0.500),
    ("shoppers", "C2ST by logistic"): (0.526, 0.273, 0.979, 0.976, None, None, 0.997),
    ("shoppers", "C2ST by xgboost"): (0.0000, 0.0000, 0.6554, 0.7361, 0.0211, 0.2901, 0.8936),
    ("shoppers", "weighted NMI"): (0.892, 0.939, 0.983, 0.984, None, None, 0.993),
    ("shoppers", "DCR share"): (None, 0.478, 0.507, 0.512, None, None, 0.513),
    ("shoppers", "seconds"): (1453, 579, 2441, 10321, None, 48, 51),
    ("magic", "Shape"): (0.9443, 0.9540, 0.9902, 0.9920, 0.9938, 0.9840, 0.9902),
    ("magic", "Trend"): (0.9445, 0.9531, 0.9918, 0.9916, 0.8696, 0.9789, 0.9830),
    ("magic", "AUC"): (0.8823, 0.9181, 0.9370, 0.9358, 0.512, 0.9284, 0.9324),
    ("magic", "alpha-precision"): (0.904, 0.968, 0.994, 0.994, None, None, 0.995),
    ("magic", "beta-recall"): (0.159, 0.363, 0.478, 0.480, None, None, 0.505),
    ("magic", "C2ST by logistic"): (0.797, 0.877, 0.994, 0.996, None, None, 0.995),
    ("magic", "C2ST by xgboost"): (0.1034, 0.2981, 0.7602, 0.7732, 0.0052, 0.6258, 0.8602),
    ("magic", "weighted NMI"): (0.920, 0.972, 0.997, 0.995, None, None, 0.993),
    ("magic", "DCR share"): (None, 0.496, 0.505, 0.501, None, None, 0.530),
    ("magic", "seconds"): (1797, 835, 2271, 11643, None, 15, 39),
}


def printed(table: str) -> dict[str, dict[str, float]]:
    """The figures in print for one table, by model and name; nothing where there are none."""
    found: dict[str, dict[str, float]] = {}
    for (of, name), values in _ROWS.items():
        for model, value in zip(MODELS, values, strict=True):
            if of == table and value is not None:
                found.setdefault(model, {})[name] = value
    return found
