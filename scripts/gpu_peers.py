"""Times the optimizers of PyTorch, timm and optax on the first GPU, those that are
there, and a copy beside each. It writes a JSON object a line: peer, update, n,
tensors, the median of a step in seconds, the versions, and the speed of the copy."""

import json
import statistics
import sys
import time

SHAPES = [(2**26, 1), (200 * 2**20, 200), (640_000, 10_000)]  # n, tensors
STEPS, WARMUP = 20, 5


def write(out, **record):
    print(json.dumps(record), file=out, flush=True)


def with_torch(out):
    import torch

    def timed(step):
        for _ in range(WARMUP):
            step()
        samples = []
        for _ in range(STEPS):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            step()
            end.record()
            end.synchronize()
            samples.append(start.elapsed_time(end) / 1e3)
        return statistics.median(samples)

    a, b = torch.zeros(2**30, device="cuda"), torch.zeros(2**30, device="cuda")
    copy = 2 * 4 * a.numel() / timed(lambda: b.copy_(a))
    del a, b

    optimizers = {
        "adamw fused": lambda p: torch.optim.AdamW(p, fused=True),
        "adamw foreach": lambda p: torch.optim.AdamW(p, foreach=True),
    }
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda}
    try:
        import timm
        from timm.optim import Lamb

        versions["timm"] = timm.__version__
        optimizers["lamb timm"] = lambda p: Lamb(p, max_grad_norm=None)
    except ImportError as e:
        print(f"timm: {e}", file=sys.stderr)
    for n, tensors in SHAPES:
        for name, make in optimizers.items():
            p = [torch.nn.Parameter(torch.randn(n // tensors, device="cuda")) for _ in range(tensors)]
            for x in p:
                x.grad = torch.randn_like(x)
            optimizer = make(p)
            write(out, peer="torch", update=name, n=n, tensors=tensors, median_s=timed(optimizer.step),
                  versions=versions, copy_bytes_per_s=copy)
            del p, optimizer
            torch.cuda.empty_cache()


def with_optax(out):
    import jax
    import optax

    if jax.default_backend() != "gpu":
        raise ImportError("jax has no GPU")
    versions = {"jax": jax.__version__, "optax": optax.__version__}
    for n, tensors in SHAPES[:2]:  # ten thousand tensors take minutes to compile
        for name, optimizer in {"adamw": optax.adamw(1e-3), "lamb": optax.lamb(1e-3)}.items():
            p = [jax.random.normal(jax.random.key(i), (n // tensors,)) for i in range(tensors)]
            g = [jax.random.normal(jax.random.key(i), (n // tensors,)) for i in range(tensors)]
            state = optimizer.init(p)

            def step(p, state, g):
                updates, state = optimizer.update(g, state, p)
                return optax.apply_updates(p, updates), state

            step = jax.jit(step, donate_argnums=(0, 1))
            samples = []
            for i in range(WARMUP + STEPS):
                jax.block_until_ready(p)
                start = time.perf_counter()
                p, state = step(p, state, g)
                jax.block_until_ready(p)
                if i >= WARMUP:
                    samples.append(time.perf_counter() - start)
            write(out, peer="optax", update=name, n=n, tensors=tensors, median_s=statistics.median(samples), versions=versions)


with open(sys.argv[1], "w") as out:
    for peers in with_torch, with_optax:
        try:
            peers(out)
        except ImportError as e:
            print(f"{peers.__name__}: {e}", file=sys.stderr)
