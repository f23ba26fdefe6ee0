#!/usr/bin/env python3
"""Golden values for the definitions of package kernels, from other hands.

Where a library has the very same update, the library computed them; where none
has, a float64 NumPy transcription of the paper did, with corrected moments as
printed (the definitions fold the corrections into constants). No value here
comes from the definitions themselves.

    python3 -m venv venv && . venv/bin/activate
    pip install numpy==2.4.6 torch==2.15.0 jax==0.10.2 optax==0.2.8
    python kernels/testdata/golden.py

writes golden/<update>.json beside this file:

    tensors  p0, the parameters before the first step; tau, the thresholds
    grads    [step][tensor][element]
    runs     each with the update as kernels.Parse reads it, the provenance, the
             parameters p after the last step and, where they have the same
             form, the states

Inputs have three digits, so that the files stay small. Every file has a tensor
that starts at zero: its parameters are the sum of the steps, and a relative
error in a step shows there in full.
"""

import json
import pathlib
import zlib

import jax
import numpy as np
import optax
import torch

jax.config.update("jax_enable_x64", True)

# Inputs.


def three_digits(x):
    return np.array([float(f"{v:.2e}") for v in x])


def spread(rng, n):
    """Gradients of both signs, from 1e-6 to 1e3."""
    return rng.choice([-1, 1], n) * 10 ** rng.uniform(-6, 3, n)


def elementwise_inputs(rng, steps=5, zeros=True):
    """Coordinates of any scale; some gradients are zero, one always is."""
    p0 = [rng.normal(size=7), rng.normal(size=24) * 100, np.zeros(17)]
    grads = [[spread(rng, len(p)) for p in p0] for _ in range(steps)]
    if zeros:
        for step in grads:
            for g in step:
                g[0] = 0
                g[rng.random(len(g)) < 0.1] = 0
    tau = [10 ** rng.uniform(-3, 2, len(p)) for p in p0]
    tau[1][1] = 0  # a frozen coordinate
    return p0, grads, tau


def norm_inputs(rng):
    """Tensors of small, middling and large norm, one of more than a unit of
    1024, one that starts at zero, one without gradient. The scale of the
    gradients changes with step and tensor: global norms fall on both sides of 1.
    """
    p0 = [rng.normal(size=7) * 0.05, rng.normal(size=40), rng.normal(size=1030), np.zeros(9), rng.normal(size=5)]
    grads = [[rng.normal(size=len(p)) * scale * 10 ** rng.uniform(-1, 1) for p in p0] for scale in (1e2, 1e-6, 1, 1e-3)]
    for step in grads:
        step[2][rng.random(1030) < 0.1] = 0
        step[4][:] = 0
    return p0, grads, None


# Runs: each takes inputs and returns provenance, parameters and states.


def by_torch(cls, states=None, **options):
    def run(p0, grads, tau):
        params = [torch.nn.Parameter(torch.tensor(p, dtype=torch.float64)) for p in p0]
        opt = cls(params, foreach=False, **options)
        for step in grads:
            for p, g in zip(params, step):
                p.grad = torch.tensor(g, dtype=torch.float64)
            opt.step()
        kept = {k: [opt.state[p][name].numpy() for p in params] for k, name in (states or {}).items()}
        return f"torch {torch.__version__.split('+')[0]}, torch.optim.{cls.__name__}, float64, CPU", [
            p.detach().numpy() for p in params
        ], kept

    return run


def by_optax(what, transform, states=None):
    def run(p0, grads, tau):
        params = [jax.numpy.asarray(p) for p in p0]
        state = transform.init(params)
        for step in grads:
            updates, state = transform.update([jax.numpy.asarray(g) for g in step], state, params)
            params = optax.apply_updates(params, updates)
        kept = {k: optax.tree.get(state, name) for k, name in (states or {}).items()}
        return f"optax {optax.__version__} on jax {jax.__version__}, {what}, float64, CPU", params, kept

    return run


def by_numpy(paper, step, states=(), **options):
    """step(t, p, g, s, **options) returns the new p and changes the states s,
    of one tensor."""

    def run(p0, grads, tau):
        params = [p.copy() for p in p0]
        kept = [{k: np.zeros_like(p) for k in states} for p in p0]
        for t, gs in enumerate(grads, 1):
            for i, g in enumerate(gs):
                extra = {"tau": tau[i]} if tau else {}
                params[i] = step(t, params[i], g, kept[i], **options, **extra)
        return f"float64 NumPy {np.__version__} script written from {paper}", params, {k: [s[k] for s in kept] for k in states}

    return run


# Transcriptions of papers.


def moments(t, g, s, beta1, beta2, corrected=True):
    s["m"] = beta1 * s["m"] + (1 - beta1) * g
    s["v"] = beta2 * s["v"] + (1 - beta2) * g**2
    if not corrected:
        return s["m"], s["v"]
    return s["m"] / (1 - beta1**t), s["v"] / (1 - beta2**t)


def adam_uncorrected(t, p, g, s, lr, beta1, beta2, eps):
    m, v = moments(t, g, s, beta1, beta2, corrected=False)
    return p - lr * m / (np.sqrt(v) + eps)


def adam_epsilon_hat(t, p, g, s, lr, beta1, beta2, eps):
    m, v = moments(t, g, s, beta1, beta2)
    return p - lr * m / (np.sqrt(v) + eps / np.sqrt(1 - beta2**t))


def lamb_uncorrected(t, p, g, s, lr, beta1, beta2, eps, weight_decay, phi_min, phi_max, eps_inside=False):
    m, v = moments(t, g, s, beta1, beta2, corrected=False)
    r = m / np.sqrt(v + eps) if eps_inside else m / (np.sqrt(v) + eps)
    u = r + weight_decay * p
    norm_p, norm_u = np.linalg.norm(p), np.linalg.norm(u)
    ratio = min(max(norm_p, phi_min), phi_max) / norm_u if norm_p > 0 and norm_u > 0 else 1
    return p - lr * ratio * u


def lars(t, p, g, s, lr, beta, weight_decay, trust, eps):
    norm_p, norm_g = np.linalg.norm(p), np.linalg.norm(g)
    local = trust * norm_p / (norm_g + weight_decay * norm_p + eps) if norm_p > 0 and norm_g > 0 else 1
    s["m"] = beta * s["m"] + lr * local * (g + weight_decay * p)
    return p - s["m"]


def cclip(t, p, g, s, tau, lr, alpha):
    threshold = tau * t ** (1 / alpha) if alpha else tau
    with np.errstate(divide="ignore"):
        factor = np.where(g == 0, 1, np.minimum(threshold / np.abs(g), 1))
    return p - lr * factor * g


def acclip(t, p, g, s, lr, beta1, beta2, eps, alpha):
    s["m"] = beta1 * s["m"] + (1 - beta1) * g
    s["ta"] = beta2 * s["ta"] + (1 - beta2) * np.abs(g) ** alpha
    tau = s["ta"] ** (1 / alpha)
    clipped = np.minimum(tau / (np.abs(s["m"]) + eps), 1) * s["m"]
    if "v" in s:
        s["v"] = beta2 * s["v"] + (1 - beta2) * g**2
        clipped = clipped / (np.sqrt(beta2 * s["v"]) + eps)
    return p - lr * clipped


# The table: what to run, by update.

ADAM = "Kingma, Ba 2015 (arXiv:1412.6980), vectorised"
LAMB = "You et al. 2020 (arXiv:1904.00962), vectorised, without the correction"
LARS = "You, Gitman, Ginsburg 2017 (arXiv:1708.03888), vectorised"
CLIP = "Zhang et al. 2020 (arXiv:1912.03194), vectorised"

sgd, m_buffer = torch.optim.SGD, {"m": "momentum_buffer"}
adam_states = {"m": "exp_avg", "v": "exp_avg_sq"}
clip_norm = optax.clip_by_global_norm


def acclip_run(states, **options):
    return by_numpy(CLIP, acclip, states, **options)


RUNS = {
    "sgd": {
        "sgd": by_torch(sgd, lr=1e-2, weight_decay=1e-4),
        "sgd:lr=0.5:weight_decay=0": by_torch(sgd, lr=0.5),
    },
    "momentum": {
        "momentum": by_torch(sgd, m_buffer, lr=1e-2, momentum=0.9, weight_decay=1e-4),
        "momentum:lr=0.1:beta=0.5:weight_decay=0": by_torch(sgd, m_buffer, lr=0.1, momentum=0.5),
    },
    "nesterov": {
        "nesterov": by_torch(sgd, m_buffer, lr=1e-2, momentum=0.9, weight_decay=1e-4, nesterov=True),
        "nesterov:lr=0.1:beta=0.5:weight_decay=0": by_torch(sgd, m_buffer, lr=0.1, momentum=0.5, nesterov=True),
    },
    "adagrad": {
        "adagrad": by_torch(torch.optim.Adagrad, {"v": "sum"}, lr=1e-2, eps=1e-10),
        "adagrad:lr=1:eps=0.001": by_torch(torch.optim.Adagrad, {"v": "sum"}, lr=1, eps=1e-3),
    },
    "rmsprop": {
        "rmsprop": by_torch(torch.optim.RMSprop, {"v": "square_avg"}, lr=1e-3, alpha=0.99, eps=1e-8),
        "rmsprop:lr=0.01:beta=0.9:eps=0.001": by_torch(torch.optim.RMSprop, {"v": "square_avg"}, lr=1e-2, alpha=0.9, eps=1e-3),
    },
    "adam": {
        "adam": by_torch(torch.optim.Adam, adam_states, lr=1e-3, betas=(0.9, 0.999), eps=1e-8),
        "adam:lr=0.01:beta2=0.99:eps=1e-6:correction=uncorrected": by_numpy(
            ADAM + ", without the correction", adam_uncorrected, "mv", lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-6
        ),
        "adam:lr=0.01:beta1=0.5:eps=0.001:correction=epsilon-hat": by_numpy(
            ADAM + ", with textbook corrected moments (not the folded form) and eps/sqrt(1-beta2^t)",
            adam_epsilon_hat, "mv", lr=1e-2, beta1=0.5, beta2=0.999, eps=1e-3,
        ),
    },
    "adamw": {
        "adamw": by_torch(torch.optim.AdamW, adam_states, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2),
        "adamw:lr=0.1:beta1=0.95:beta2=0.99:eps=1e-6:weight_decay=0": by_torch(
            torch.optim.AdamW, adam_states, lr=0.1, betas=(0.95, 0.99), eps=1e-6, weight_decay=0
        ),
    },
    "lion": {
        "lion": by_optax("optax.lion", optax.lion(1e-4, b1=0.9, b2=0.99, weight_decay=0.1), {"m": "mu"}),
        "lion:lr=0.01:beta1=0.95:beta2=0.98:weight_decay=0": by_optax(
            "optax.lion", optax.lion(1e-2, b1=0.95, b2=0.98, weight_decay=0), {"m": "mu"}
        ),
    },
    "lamb": {
        "lamb": by_optax("optax.lamb", optax.lamb(1e-3, b1=0.9, b2=0.999, eps=1e-6, weight_decay=1e-2)),
        "lamb:lr=0.01:beta2=0.99:weight_decay=0:no_debias=true:phi_min=0.5:phi_max=10": by_numpy(
            LAMB, lamb_uncorrected, "mv", lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-6, weight_decay=0, phi_min=0.5, phi_max=10
        ),
        "lamb:lr=0.01:eps_inside=true": by_optax(
            "optax.lamb with eps_root", optax.lamb(1e-2, b1=0.9, b2=0.999, eps=0, eps_root=1e-6, weight_decay=1e-2)
        ),
        "lamb:lr=0.01:weight_decay=0:decayed_only=true:pre_clip=1": by_optax(
            "optax.clip_by_global_norm, optax.adam",
            optax.chain(clip_norm(1.0), optax.adam(1e-2, b1=0.9, b2=0.999, eps=1e-6)),
        ),
        "lamb:lr=0.01:decayed_only=true:pre_clip=1": by_optax(
            "optax.clip_by_global_norm, optax.lamb",
            optax.chain(clip_norm(1.0), optax.lamb(1e-2, b1=0.9, b2=0.999, eps=1e-6, weight_decay=1e-2)),
        ),
        "lamb:lr=0.01:weight_decay=0.1:no_debias=true:eps_inside=true:phi_min=1:phi_max=5": by_numpy(
            LAMB + ", eps in the root", lamb_uncorrected,
            "mv", lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.1, phi_min=1, phi_max=5, eps_inside=True,
        ),
    },
    "lars": {
        "lars": by_numpy(LARS, lars, "m", lr=1, beta=0.9, weight_decay=1e-4, trust=1e-3, eps=1e-8),
        "lars:lr=0.1:beta=0.5:weight_decay=0:trust=1:eps=0": by_optax(
            "optax.lars", optax.lars(0.1, weight_decay=0, trust_coefficient=1.0, eps=0, momentum=0.5)
        ),
    },
    "clipped-gd": {
        "clipped-gd": by_optax("optax.clip_by_global_norm, optax.sgd", optax.chain(clip_norm(1.0), optax.sgd(1e-2))),
        "clipped-gd:max_norm=1e30": by_optax("optax.clip_by_global_norm, optax.sgd", optax.chain(clip_norm(1e30), optax.sgd(1e-2))),
    },
    "normalized-gd": {
        "normalized-gd": by_optax(
            "optax.normalize_by_update_norm, optax.sgd", optax.chain(optax.normalize_by_update_norm(eps=1e-8), optax.sgd(1e-2))
        ),
        "normalized-gd:lr=0.1:eps=0": by_optax(
            "optax.normalize_by_update_norm, optax.sgd", optax.chain(optax.normalize_by_update_norm(eps=0), optax.sgd(0.1))
        ),
    },
    "cclip": {
        "cclip": by_numpy(CLIP, cclip, lr=1e-2, alpha=1.5),
        "cclip:lr=0.1:alpha=0": by_numpy(CLIP, cclip, lr=0.1, alpha=0),
    },
    "acclip": {
        "acclip": acclip_run(["m", "ta"], lr=1e-4, beta1=0.9, beta2=0.99, eps=1e-5, alpha=1.5),
        "acclip:lr=0.01:alpha=1": acclip_run(["m", "ta"], lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-5, alpha=1),
        "acclip:lr=0.01:alpha=2": acclip_run(["m", "ta"], lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-5, alpha=2),
        "acclip:lr=0.01:beta1=0.5:beta2=0.9:eps=0:alpha=1.1": acclip_run(["m", "ta"], lr=1e-2, beta1=0.5, beta2=0.9, eps=0, alpha=1.1),
    },
    "acclip-v": {
        "acclip-v": acclip_run(["m", "ta", "v"], lr=1e-4, beta1=0.9, beta2=0.99, eps=1e-5, alpha=1.5),
        "acclip-v:lr=0.001:alpha=1": acclip_run(["m", "ta", "v"], lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-5, alpha=1),
        "acclip-v:lr=0.001:alpha=2": acclip_run(["m", "ta", "v"], lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-5, alpha=2),
    },
}

WITH_NORMS = {"lamb", "lars", "clipped-gd", "normalized-gd"}


def as_list(x):
    x = np.asarray(x)
    assert x.dtype == np.float64 and np.isfinite(x).all()
    return x.tolist()


def main():
    out = pathlib.Path(__file__).parent / "golden"
    out.mkdir(exist_ok=True)
    for name, runs in RUNS.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if name in WITH_NORMS:
            p0, grads, tau = norm_inputs(rng)
        else:
            # A gradient of zero where eps is zero would be 0/0.
            p0, grads, tau = elementwise_inputs(rng, zeros=name != "acclip")
            tau = [three_digits(x) for x in tau] if name == "cclip" else None
        p0 = [three_digits(p) for p in p0]
        grads = [[three_digits(g) for g in step] for step in grads]
        golden = {
            "tensors": [{"p0": as_list(p)} | ({"tau": as_list(tau[i])} if tau else {}) for i, p in enumerate(p0)],
            "grads": [[as_list(g) for g in step] for step in grads],
            "runs": [],
        }
        for text, run in runs.items():
            provenance, p, states = run(p0, grads, tau)
            entry = {"update": text, "provenance": provenance, "p": [as_list(x) for x in p]}
            if states and name not in WITH_NORMS:
                entry["states"] = {k: [as_list(x) for x in xs] for k, xs in states.items()}
            golden["runs"].append(entry)
        text = json.dumps(golden, separators=(",", ":"))
        for key in ('"grads"', '"runs"', '{"update"', '"provenance"', '"p":', '"states"'):
            text = text.replace(key, "\n" + key)
        (out / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
