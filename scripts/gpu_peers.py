"""Times the optimizers of PyTorch, timm and optax on the first GPU. Writes a JSON object
a line to a file: peer, update, n, tensors, the seconds of a step and the versions; or a
peer, and why it is missing."""

import json
import statistics
import sys
import time

SHAPES = [(2**26, 1), (200 * 2**20, 200), (640_000, 10_000)]  # n, tensors
SAMPLES, WARMUP = 9, 3
SAMPLE_S = 0.05  # of steps, queued: so few waits that they do not count
DECAY = 0.01  # as optbench has it; without it some LAMBs leave out their norms


def timed(step, wait):
    """Returns the seconds of a step: the median of samples."""

    def sample(steps):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        wait()
        return (time.perf_counter() - start) / steps

    sample(WARMUP)
    steps = max(1, round(SAMPLE_S / sample(WARMUP)))
    return statistics.median(sample(steps) for _ in range(SAMPLES))


def with_torch(write):
    import torch

    wait = torch.cuda.synchronize
    a, b = torch.zeros(2**30, device="cuda"), torch.zeros(2**30, device="cuda")
    copy = 2 * 4 * a.numel() / timed(lambda: b.copy_(a), wait)
    del a, b

    optimizers = {
        ("torch fused", "adamw"): lambda p: torch.optim.AdamW(p, weight_decay=DECAY, fused=True),
        ("torch foreach", "adamw"): lambda p: torch.optim.AdamW(p, weight_decay=DECAY, foreach=True),
    }
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda}
    try:
        import timm
        from timm.optim import Lamb
    except ImportError as e:
        write(peer="timm", missing=str(e))
    else:
        versions["timm"] = timm.__version__
        optimizers["timm", "lamb"] = lambda p: Lamb(p, weight_decay=DECAY, max_grad_norm=None)
    for n, tensors in SHAPES:
        for (peer, update), make in optimizers.items():
            torch.cuda.empty_cache()
            p = [torch.nn.Parameter(torch.randn(n // tensors, device="cuda")) for _ in range(tensors)]
            for x in p:
                x.grad = torch.randn_like(x)
            optimizer = make(p)
            write(peer=peer, update=update, n=n, tensors=tensors, seconds=timed(optimizer.step, wait),
                  versions=versions, copy_bytes_per_s=copy)
            del p, x, optimizer
    torch.cuda.empty_cache()


def with_optax(write):
    import jax
    import optax

    if jax.default_backend() != "gpu":
        raise ImportError("jax has no GPU")
    versions = {"jax": jax.__version__, "optax": optax.__version__}
    optimizers = {"adamw": optax.adamw(1e-3, weight_decay=DECAY), "lamb": optax.lamb(1e-3, weight_decay=DECAY)}
    for n, tensors in SHAPES[:2]:  # ten thousand tensors take minutes to compile
        for update, optimizer in optimizers.items():
            p = [jax.random.normal(jax.random.key(i), (n // tensors,)) for i in range(tensors)]
            g = [jax.random.normal(jax.random.key(tensors + i), (n // tensors,)) for i in range(tensors)]
            state = optimizer.init(p)

            def apply(p, state, g):
                updates, state = optimizer.update(g, state, p)
                return optax.apply_updates(p, updates), state

            apply = jax.jit(apply, donate_argnums=(0, 1))

            def step():
                nonlocal p, state
                p, state = apply(p, state, g)

            seconds = timed(step, lambda: jax.block_until_ready(p))
            write(peer="optax", update=update, n=n, tensors=tensors, seconds=seconds, versions=versions)


failed = False
with open(sys.argv[1], "w") as out:

    def write(**record):
        print(json.dumps(record), file=out, flush=True)

    for measure, peers in (with_torch, ["torch fused", "torch foreach", "timm"]), (with_optax, ["optax"]):
        try:
            measure(write)
        except Exception as e:  # whatever it is, the others have their turn
            absent = isinstance(e, ImportError)
            failed |= not absent
            for peer in peers:
                write(peer=peer, missing=str(e) if absent else f"{type(e).__name__}: {e}".splitlines()[0])
sys.exit(failed)
