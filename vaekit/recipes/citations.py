"""The papers behind the parts, found by how docstrings name them."""

from __future__ import annotations

import re
from collections.abc import Iterable

PARTS = re.compile(
    r"(?P<author>.+?) \((?P<year>\d{4})\)\. (?P<title>.+?)[.?!]"
    r"(?: (?P<venue>(?!arXiv:)[^:]+?)\.?)?(?: arXiv:(?P<eprint>\S+))?"
)

CITATIONS: dict[str, str] = {
    "Kingma & Welling 2014": "Kingma, D. P. and Welling, M. (2014). Auto-Encoding Variational "
    "Bayes. International Conference on Learning Representations. arXiv:1312.6114",
    "Rezende et al. 2014": "Rezende, D. J., Mohamed, S. and Wierstra, D. (2014). Stochastic "
    "Backpropagation and Approximate Inference in Deep Generative Models. International "
    "Conference on Machine Learning. arXiv:1401.4082",
    "Burda et al. 2016": "Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance Weighted "
    "Autoencoders. International Conference on Learning Representations. arXiv:1509.00519",
    "Sønderby et al. 2016": "Sønderby, C. K., Raiko, T., Maaløe, L., Sønderby, S. K. and Winther, "
    "O. (2016). Ladder Variational Autoencoders. Advances in Neural Information Processing "
    "Systems. arXiv:1602.02282",
    "Vahdat & Kautz 2020": "Vahdat, A. and Kautz, J. (2020). NVAE: A Deep Hierarchical Variational "
    "Autoencoder. Advances in Neural Information Processing Systems. arXiv:2007.03898",
    "Rombach et al. 2022": "Rombach, R., Blattmann, A., Lorenz, D., Esser, P. and Ommer, B. (2022)."
    " High-Resolution Image Synthesis with Latent Diffusion Models. IEEE Conference on Computer "
    "Vision and Pattern Recognition. arXiv:2112.10752",
    "Shu et al. 2018": "Shu, R., Bui, H. H., Zhao, S., Kochenderfer, M. J. and Ermon, S. (2018). "
    "Amortized Inference Regularization. Advances in Neural Information Processing Systems. "
    "arXiv:1805.08913",
    "Lopez et al. 2018": "Lopez, R., Regier, J., Cole, M. B., Jordan, M. I. and Yosef, N. (2018). "
    "Deep Generative Modeling for Single-Cell Transcriptomics. Nature Methods 15.",
    "Higgins et al. 2017": "Higgins, I. et al. (2017). beta-VAE: Learning Basic Visual Concepts "
    "with a Constrained Variational Framework. International Conference on Learning "
    "Representations.",
    "Liu et al. 2019": "Liu, R., Regier, J., Tripuraneni, N., Jordan, M. I. and McAuliffe, J. "
    "(2019). Rao-Blackwellized Stochastic Gradients for Discrete Distributions. International "
    "Conference on Machine Learning. arXiv:1810.04777",
    "Kingma et al. 2016": "Kingma, D. P. et al. (2016). Improved Variational Inference with "
    "Inverse Autoregressive Flow. Advances in Neural Information Processing Systems. "
    "arXiv:1606.04934",
    "Roeder et al. 2017": "Roeder, G., Wu, Y. and Duvenaud, D. (2017). Sticking the Landing: "
    "Simple, Lower-Variance Gradient Estimators for Variational Inference. Advances in Neural "
    "Information Processing Systems. arXiv:1703.09194",
    "Fu et al. 2019": "Fu, H. et al. (2019). Cyclical Annealing Schedule: A Simple Approach to "
    "Mitigating KL Vanishing. NAACL. arXiv:1903.10145",
    "Bowman et al. 2016": "Bowman, S. R., Vilnis, L., Vinyals, O., Dai, A. M., Jozefowicz, R. and "
    "Bengio, S. (2016). Generating Sentences from a Continuous Space. Conference on Computational "
    "Natural Language Learning. arXiv:1511.06349",
    "He et al. 2019": "He, J., Spokoyny, D., Neubig, G. and Berg-Kirkpatrick, T. (2019). Lagging "
    "Inference Networks and Posterior Collapse in Variational Autoencoders. International "
    "Conference on Learning Representations. arXiv:1901.05534",
    "He et al. 2016": "He, K., Zhang, X., Ren, S. and Sun, J. (2016). Identity Mappings in Deep "
    "Residual Networks. European Conference on Computer Vision. arXiv:1603.05027",
    "Salimans et al. 2017": "Salimans, T., Karpathy, A., Chen, X. and Kingma, D. P. (2017). "
    "PixelCNN++. International Conference on Learning Representations. arXiv:1701.05517",
    "Loaiza-Ganem & Cunningham 2019": "Loaiza-Ganem, G. and Cunningham, J. P. (2019). The "
    "continuous Bernoulli: fixing a pervasive error in variational autoencoders. Advances in "
    "Neural Information Processing Systems. arXiv:1907.06845",
    "Chen et al. 2018": "Chen, R. T. Q., Li, X., Grosse, R. and Duvenaud, D. (2018). Isolating "
    "Sources of Disentanglement in Variational Autoencoders. Advances in Neural Information "
    "Processing Systems. arXiv:1802.04942",
    "Tucker et al. 2019": "Tucker, G., Lawson, D., Gu, S. and Maddison, C. J. (2019). Doubly "
    "Reparameterized Gradient Estimators for Monte Carlo Objectives. International Conference on "
    "Learning Representations. arXiv:1810.04152",
    "Bauer & Mnih 2021": "Bauer, M. and Mnih, A. (2021). Generalized Doubly Reparameterized "
    "Gradient Estimators. International Conference on Machine Learning. arXiv:2101.11046",
    "Rainforth et al. 2018": "Rainforth, T. et al. (2018). Tighter Variational Bounds are Not "
    "Necessarily Better. International Conference on Machine Learning. arXiv:1802.04537",
    "Li & Turner 2016": "Li, Y. and Turner, R. E. (2016). Renyi Divergence Variational Inference. "
    "Advances in Neural Information Processing Systems. arXiv:1602.02311",
    "Masrani et al. 2019": "Masrani, V., Le, T. A. and Wood, F. (2019). The Thermodynamic "
    "Variational Objective. Advances in Neural Information Processing Systems. arXiv:1907.00031",
    "Kingma et al. 2014": "Kingma, D. P., Rezende, D. J., Mohamed, S. and Welling, M. (2014). "
    "Semi-supervised Learning with Deep Generative Models. Advances in Neural Information "
    "Processing Systems. arXiv:1406.5298",
    "Sohn et al. 2020": "Sohn, K. et al. (2020). FixMatch: Simplifying Semi-Supervised "
    "Learning with Consistency and Confidence. Advances in Neural Information Processing Systems. "
    "arXiv:2001.07685",
    "Wu et al. 2017": "Wu, Y., Burda, Y., Salakhutdinov, R. and Grosse, R. (2017). On the "
    "Quantitative Analysis of Decoder-Based Generative Models. International Conference on "
    "Learning Representations. arXiv:1611.04273",
    "Neal 2001": "Neal, R. M. (2001). Annealed Importance Sampling. Statistics and Computing 11, "
    "125-139. arXiv:physics/9803008",
    "Hoffman & Johnson 2016": "Hoffman, M. D. and Johnson, M. J. (2016). ELBO surgery: yet another "
    "way to carve up the variational evidence lower bound. NIPS Workshop on Advances in "
    "Approximate Bayesian Inference.",
    "Tomczak & Welling 2018": "Tomczak, J. M. and Welling, M. (2018). VAE with a VampPrior. "
    "International Conference on Artificial Intelligence and Statistics. arXiv:1705.07120",
    "Papamakarios et al. 2017": "Papamakarios, G., Pavlakou, T. and Murray, I. (2017). Masked "
    "Autoregressive Flow for Density Estimation. Advances in Neural Information Processing "
    "Systems. arXiv:1705.07057",
    "Dinh et al. 2017": "Dinh, L., Sohl-Dickstein, J. and Bengio, S. (2017). Density Estimation "
    "using Real NVP. International Conference on Learning Representations. arXiv:1605.08803",
    "Durkan et al. 2019": "Durkan, C., Bekasov, A., Murray, I. and Papamakarios, G. (2019). Neural "
    "Spline Flows. Advances in Neural Information Processing Systems. arXiv:1906.04032",
    "Bauer & Mnih 2019": "Bauer, M. and Mnih, A. (2019). Resampled Priors for Variational "
    "Autoencoders. International Conference on Artificial Intelligence and Statistics. "
    "arXiv:1810.11428",
    "Norouzi et al. 2020": "Norouzi, S., Fleet, D. J. and Norouzi, M. (2020). Exemplar VAE: "
    "Linking Generative Models, Nearest Neighbor Retrieval, and Data Augmentation. Advances in "
    "Neural Information Processing Systems. arXiv:2004.04795",
    "Lipman et al. 2023": "Lipman, Y., Chen, R. T. Q., Ben-Hamu, H., Nickel, M. and Le, M. (2023). "
    "Flow Matching for Generative Modeling. International Conference on Learning Representations. "
    "arXiv:2210.02747",
    "Dai & Wipf 2019": "Dai, B. and Wipf, D. (2019). Diagnosing and Enhancing VAE Models. "
    "International Conference on Learning Representations. arXiv:1903.05789",
    "Ghosh et al. 2020": "Ghosh, P., Sajjadi, M. S. M., Vergari, A., Black, M. and Schölkopf, B. "
    "(2020). From Variational to Deterministic Autoencoders. International Conference on Learning "
    "Representations. arXiv:1903.12436",
    "Burgess et al. 2018": "Burgess, C. P. et al. (2018). Understanding disentangling in beta-VAE. "
    "arXiv:1804.03599",
    "Zhao et al. 2019": "Zhao, S., Song, J. and Ermon, S. (2019). InfoVAE: Balancing Learning and "
    "Inference in Variational Autoencoders. AAAI Conference on Artificial Intelligence. "
    "arXiv:1706.02262",
    "Tolstikhin et al. 2018": "Tolstikhin, I., Bousquet, O., Gelly, S. and Schölkopf, B. (2018). "
    "Wasserstein Auto-Encoders. International Conference on Learning Representations. "
    "arXiv:1711.01558",
    "Kumar et al. 2018": "Kumar, A., Sattigeri, P. and Balakrishnan, A. (2018). Variational "
    "Inference of Disentangled Latent Concepts from Unlabeled Observations. International "
    "Conference on Learning Representations. arXiv:1711.00848",
    "Kim & Mnih 2018": "Kim, H. and Mnih, A. (2018). Disentangling by Factorising. International "
    "Conference on Machine Learning. arXiv:1802.05983",
    "Makhzani et al. 2016": "Makhzani, A., Shlens, J., Jaitly, N., Goodfellow, I. and Frey, B. "
    "(2016). Adversarial Autoencoders. ICLR Workshop. arXiv:1511.05644",
    "Razavi et al. 2019": "Razavi, A., van den Oord, A., Poole, B. and Vinyals, O. (2019). "
    "Preventing Posterior Collapse with delta-VAEs. International Conference on Learning "
    "Representations. arXiv:1901.03416",
    "Rybkin et al. 2021": "Rybkin, O., Daniilidis, K. and Levine, S. (2021). Simple and Effective "
    "VAE Training with Calibrated Decoders. International Conference on Machine Learning. "
    "arXiv:2006.13202",
    "van den Oord et al. 2017": "van den Oord, A., Vinyals, O. and Kavukcuoglu, K. (2017). Neural "
    "Discrete Representation Learning. Advances in Neural Information Processing Systems. "
    "arXiv:1711.00937",
    "Fifty et al. 2025": "Fifty, C. et al. (2025). Restructuring Vector Quantization with the "
    "Rotation Trick. International Conference on Learning Representations. arXiv:2410.06424",
    "Zhu et al. 2024": "Zhu, Y., Li, B., Xin, Y. and Xu, L. (2024). Addressing Representation "
    "Collapse in Vector Quantized Models with One Linear Layer. arXiv:2411.02038",
    "Lee et al. 2022": "Lee, D., Kim, C., Kim, S., Cho, M. and Han, W.-S. (2022). Autoregressive "
    "Image Generation using Residual Quantization. Conference on Computer Vision and Pattern "
    "Recognition. arXiv:2203.01941",
    "Tian et al. 2024": "Tian, K., Jiang, Y., Yuan, Z., Peng, B. and Wang, L. (2024). Visual "
    "Autoregressive Modeling: Scalable Image Generation via Next-Scale Prediction. Advances in "
    "Neural Information Processing Systems. arXiv:2404.02905",
    "Yu et al. 2024": "Yu, L. et al. (2024). Language Model Beats Diffusion: Tokenizer is Key to "
    "Visual Generation. International Conference on Learning Representations. arXiv:2310.05737",
    "Jang et al. 2017": "Jang, E., Gu, S. and Poole, B. (2017). Categorical Reparameterization "
    "with Gumbel-Softmax. International Conference on Learning Representations. arXiv:1611.01144",
    "Maddison et al. 2017": "Maddison, C. J., Mnih, A. and Teh, Y. W. (2017). The Concrete "
    "Distribution: A Continuous Relaxation of Discrete Random Variables. International Conference "
    "on Learning Representations. arXiv:1611.00712",
    "Mentzer et al. 2024": "Mentzer, F., Minnen, D., Agustsson, E. and Tschannen, M. (2024). "
    "Finite Scalar Quantization: VQ-VAE Made Simple. International Conference on Learning "
    "Representations. arXiv:2309.15505",
    "Jiang et al. 2017": "Jiang, Z., Zheng, Y., Tan, H., Tang, B. and Zhou, H. (2017). Variational "
    "Deep Embedding: An Unsupervised and Generative Approach to Clustering. International Joint "
    "Conference on Artificial Intelligence. arXiv:1611.05148",
    "Mattei & Frellsen 2019": "Mattei, P.-A. and Frellsen, J. (2019). MIWAE: Deep Generative "
    "Modelling and Imputation of Incomplete Data Sets. International Conference on Machine "
    "Learning. arXiv:1812.02633",
    "Ipsen et al. 2021": "Ipsen, N. B., Mattei, P.-A. and Frellsen, J. (2021). not-MIWAE: Deep "
    "Generative Modelling with Missing not at Random Data. International Conference on Learning "
    "Representations. arXiv:2006.12871",
    "Wu & Goodman 2018": "Wu, M. and Goodman, N. (2018). Multimodal Generative Models for Scalable "
    "Weakly-Supervised Learning. Advances in Neural Information Processing Systems. "
    "arXiv:1802.05335",
    "Shi et al. 2019": "Shi, Y., Siddharth, N., Paige, B. and Torr, P. H. S. (2019). Variational "
    "Mixture-of-Experts Autoencoders for Multi-Modal Deep Generative Models. Advances in Neural "
    "Information Processing Systems. arXiv:1911.03393",
    "Sutter et al. 2021": "Sutter, T. M., Daunhawer, I. and Vogt, J. E. (2021). Generalized "
    "Multimodal ELBO. International Conference on Learning Representations. arXiv:2105.02470",
    "Hwang et al. 2021": "Hwang, H., Kim, G.-H., Hong, S. and Kim, K.-E. (2021). Multi-View "
    "Representation Learning via Total Correlation Objective. Advances in Neural Information "
    "Processing Systems.",
    "Palumbo et al. 2023": "Palumbo, E., Daunhawer, I. and Vogt, J. E. (2023). MMVAE+: Enhancing "
    "the Generative Quality of Multimodal VAEs without Compromises. International Conference on "
    "Learning Representations.",
    "Suzuki et al. 2016": "Suzuki, M., Nakayama, K. and Matsuo, Y. (2016). Joint Multimodal "
    "Learning with Deep Generative Models. arXiv. arXiv:1611.01891",
    "Kviman et al. 2022": "Kviman, O., Melin, H., Koptagel, H., Elvira, V. and Lagergren, J. "
    "(2022). Multiple Importance Sampling ELBO and Deep Ensembles of Variational Approximations. "
    "International Conference on Artificial Intelligence and Statistics. arXiv:2202.10951",
    "Kviman et al. 2023": "Kviman, O., Molén, R., Hotti, A., Kurt, S., Elvira, V. and Lagergren, "
    "J. (2023). Cooperation in the Latent Space: The Benefits of Adding Mixture Components in "
    "Variational Autoencoders. International Conference on Machine Learning. arXiv:2209.15514",
    "Figurnov et al. 2018": "Figurnov, M., Mohamed, S. and Mnih, A. (2018). Implicit "
    "Reparameterization Gradients. Advances in Neural Information Processing Systems. "
    "arXiv:1805.08498",
    "Davidson et al. 2018": "Davidson, T. R., Falorsi, L., De Cao, N., Kipf, T. and Tomczak, J. M. "
    "(2018). Hyperspherical Variational Auto-Encoders. Conference on Uncertainty in Artificial "
    "Intelligence. arXiv:1804.00891",
    "Mathieu et al. 2019": "Mathieu, E., Le Lan, C., Maddison, C. J., Tomioka, R. and Teh, Y. W. "
    "(2019). Continuous Hierarchical Representations with Poincaré Variational Auto-Encoders. "
    "Advances in Neural Information Processing Systems. arXiv:1901.06033",
    "Nagano et al. 2019": "Nagano, Y., Yamaguchi, S., Fujita, Y. and Koyama, M. (2019). A Wrapped "
    "Normal Distribution on Hyperbolic Space for Gradient-Based Learning. International "
    "Conference on Machine Learning. arXiv:1902.02992",
    "Caterini et al. 2018": "Caterini, A. L., Doucet, A. and Sejdinovic, D. (2018). Hamiltonian "
    "Variational Auto-Encoder. Advances in Neural Information Processing Systems. "
    "arXiv:1805.11328",
    "Kim et al. 2018": "Kim, Y., Wiseman, S., Miller, A. C., Sontag, D. and Rush, A. M. (2018). "
    "Semi-Amortized Variational Autoencoders. International Conference on Machine Learning. "
    "arXiv:1802.02550",
    "Chadebec et al. 2020": "Chadebec, C., Mantoux, C. and Allassonnière, S. (2020). "
    "Geometry-Aware Hamiltonian Variational Auto-Encoder. arXiv:2010.11518",
    "De Cao & Aziz 2020": "De Cao, N. and Aziz, W. (2020). The Power Spherical Distribution. ICML "
    "Workshop on Invertible Neural Networks. arXiv:2006.04437",
    "Rezende & Mohamed 2015": "Rezende, D. J. and Mohamed, S. (2015). Variational Inference with "
    "Normalizing Flows. International Conference on Machine Learning. arXiv:1505.05770",
    "van den Berg et al. 2018": "van den Berg, R., Hasenclever, L., Tomczak, J. M. and Welling, M. "
    "(2018). Sylvester Normalizing Flows for Variational Inference. Conference on Uncertainty in "
    "Artificial Intelligence. arXiv:1803.05649",
    "Tomczak & Welling 2016": "Tomczak, J. M. and Welling, M. (2016). Improving Variational "
    "Auto-Encoders using Householder Flow. arXiv:1611.09630",
    "Larsen et al. 2016": "Larsen, A. B. L., Sønderby, S. K., Larochelle, H. and Winther, O. "
    "(2016). Autoencoding beyond pixels using a learned similarity metric. International "
    "Conference on Machine Learning. arXiv:1512.09300",
    "Wang et al. 2003": "Wang, Z., Simoncelli, E. P. and Bovik, A. C. (2003). Multiscale "
    "Structural Similarity for Image Quality Assessment. Asilomar Conference on Signals, Systems "
    "and Computers.",
    "Snell et al. 2017": "Snell, J., Ridgeway, K., Liao, R., Roads, B. D., Mozer, M. C. and Zemel, "
    "R. S. (2017). Learning to Generate Images with Perceptual Similarity Metrics. IEEE "
    "International Conference on Image Processing. arXiv:1511.06409",
    "Desai et al. 2021": "Desai, A., Freeman, C., Wang, Z. and Beaver, I. (2021). TimeVAE: A "
    "Variational Auto-Encoder for Multivariate Time Series Generation. arXiv. arXiv:2111.08095",
    "Gulrajani et al. 2017": "Gulrajani, I., Kumar, K., Ahmed, F., Taiga, A. A., Visin, F., "
    "Vazquez, D. and Courville, A. (2017). PixelVAE: A Latent Variable Model for Natural Images. "
    "International Conference on Learning Representations. arXiv:1611.05013",
    "van den Oord et al. 2016": "van den Oord, A., Kalchbrenner, N. and Kavukcuoglu, K. (2016). "
    "Pixel Recurrent Neural Networks. International Conference on Machine Learning. "
    "arXiv:1601.06759",
    "Chollet 2020": "Chollet, F. (2020). Variational AutoEncoder. Keras code examples, "
    "keras.io/examples/generative/vae",
    "Sohn et al. 2015": "Sohn, K., Lee, H. and Yan, X. (2015). Learning Structured Output "
    "Representation using Deep Conditional Generative Models. Advances in Neural Information "
    "Processing Systems.",
    "Uria et al. 2014": "Uria, B., Murray, I. and Larochelle, H. (2014). A Deep and Tractable "
    "Density Estimator. International Conference on Machine Learning. arXiv:1310.1757",
    "Hoogeboom et al. 2022": "Hoogeboom, E., Gritsenko, A. A., Bastings, J., Poole, B., van den "
    "Berg, R. and Salimans, T. (2022). Autoregressive Diffusion Models. International Conference "
    "on Learning Representations. arXiv:2110.02037",
}


def cited(texts: Iterable[str | None]) -> list[str]:
    """The full references of all papers that the texts (docstrings) name."""
    together = " ".join(" ".join((text or "").split()) for text in texts)
    return [reference for name, reference in CITATIONS.items() if name in together]


def bibtex(references: Iterable[str]) -> dict[str, str]:
    """References as BibTeX entries, by their keys: family name of the first author, year, and the
    first word of the title."""
    found: dict[str, str] = {}
    for reference in references:
        parts = PARTS.fullmatch(reference)
        assert parts, reference
        fields = {name: value for name, value in parts.groupdict().items() if value}
        first = re.sub(r"\W", "", fields["author"].split(",")[0]).lower()
        word = re.sub(r"\W", "", fields["title"].split()[0]).lower()
        fields["author"] = _authors(fields["author"])
        fields["title"] = "{" + fields["title"] + "}"  # capitals stay
        fields |= {"archiveprefix": "arXiv"} if "eprint" in fields else {}
        fields["howpublished"] = fields.pop("venue", "arXiv")
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
        key = f"{first}{fields['year']}{word}"
        found[key] = f"@misc{{{key},\n{lines}}}"
    return found


def _authors(names: str) -> str:
    """Authors as BibTeX wants them, each after the word "and"."""
    named = names.replace(" et al.", " and others")
    return re.sub(r"(?<=\.), (?=[^\W\d_])", " and ", named)
