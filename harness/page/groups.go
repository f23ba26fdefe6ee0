package page

// A group is the claims of a part of the lecture, from one number to another, with the
// figure that shows them.
type group struct {
	name     string // of the file of its figure
	title    string
	from, to string // numbers of claims, without letters
	text     string
	panels   []panel
}

// A panel shows series of claims.
type panel struct {
	title, x, y      string
	linearX, linearY bool
	lines            []line
}

// A line is a series of a claim, the first if nothing else is said.
type line struct {
	claim  string
	series int
	name   string
	theory *theory // the exponent that theory gives, if it is drawn
}

type theory struct {
	name     string
	exponent float64
}

// as is what theory says of a line.
func as(name string, exponent float64) *theory { return &theory{name, exponent} }

var groups = []group{{
	name: "clipping", title: "Clipping", from: "C01", to: "C05",
	text: `Where the curvature of a function grows with its gradient, a fixed step has to be short
enough for its steepest part, and crawls on the flat one. A clipped step does not see how
steep the function begins.`,
	panels: []panel{{
		title: "Steps until the gradient is small", x: "largest gradient M", y: "steps",
		lines: []line{
			{claim: "C02", name: "best fixed step, as M/log M"},
			{claim: "C01", name: "clipped", theory: as("M^0", 0)},
		},
	}, {
		title: "Steps of clipped descent", x: "gradient eps to reach", y: "steps",
		lines: []line{{claim: "C01a", name: "clipped", theory: as("eps^-2", -2)}},
	}},
}, {
	name: "momentum", title: "Momentum", from: "C06", to: "C07",
	text: `On a quadratic gradient descent takes steps in proportion to the condition number, momentum
in proportion to its root.`,
	panels: []panel{{
		title: "Steps to 1e-12 of the value, each at its best constants", x: "condition", y: "steps",
		lines: []line{
			{claim: "C07a", name: "gradient descent", theory: as("condition", 1)},
			{claim: "C07", name: "heavy ball", theory: as("root of condition", 0.5)},
			{claim: "C07c", name: "Nesterov"},
		},
	}},
}, {
	name: "adagrad", title: "Adagrad and RMSProp", from: "C08", to: "C09",
	text: `A sum of squares makes steps shorter for ever, which is right where features are rare, and
too short where the minimum moves; an average of squares forgets.`,
	panels: []panel{{
		title: "Length of a step, under a constant gradient", x: "step", y: "length",
		lines: []line{
			{claim: "C09a", name: "RMSProp"},
			{claim: "C09", name: "Adagrad", theory: as("t^(-1/2)", -0.5)},
		},
	}, {
		title: "Distance from a minimum that moves", x: "step", y: "distance",
		lines: []line{
			{claim: "C09b", name: "Adagrad", theory: as("t^(1/2)", 0.5)},
			{claim: "C09c", name: "RMSProp"},
		},
	}},
}, {
	name: "adam", title: "Adam", from: "C10", to: "C13",
	text: `Averages that begin at zero are too small at first, that of squares for much longer. Without
the correction of this bias the first steps are several times as long as they should be.`,
	panels: []panel{{
		title: "Length of a step, under a constant gradient", x: "step", y: "length, in learning rates",
		lines: []line{
			{claim: "C12a", name: "without correction"},
			{claim: "C12a", series: 1, name: "Adam"},
		},
	}},
}, {
	name: "lamb", title: "LAMB", from: "C14", to: "C15",
	text: `A step in proportion to the norm of its layer makes one learning rate serve layers of any
scale.`,
	panels: []panel{{
		title: "Steps to a share of the value, at the best rate for all layers", x: "ratio of the scales of layers", y: "steps",
		lines: []line{
			{claim: "C15a", name: "Adam", theory: as("ratio", 1)},
			{claim: "C15", name: "LAMB", theory: as("ratio^0", 0)},
		},
	}},
}, {
	name: "heavy-tails", title: "Heavy-tailed noise", from: "C16", to: "C20",
	text: `Where gradients have an infinite variance the error of SGD has an infinite mean, at any step.
Clipping gives it a rate, which depends on the tail index alpha. The slides print the rate
of the distance for that of the value, which falls twice as fast.`,
	panels: []panel{{
		title: "Strongly convex, tail index 1.5", x: "steps k", y: "mean over runs",
		lines: []line{
			{claim: "C18", series: 2, name: "distance", theory: as("k^(-1/3), as printed for f-f*", -1./3)},
			{claim: "C18", name: "f-f*", theory: as("k^(-2/3)", -2./3)},
			{claim: "C18c", name: "f-f*, constant threshold"},
		},
	}, {
		title: "Not convex", x: "horizon K", y: "mean gradient",
		lines: []line{
			{claim: "C20a", name: "clipped, tail index 1.3", theory: as("K^-0.158", -0.3/1.9)},
			{claim: "C20", name: "1.5", theory: as("K^-0.200", -0.2)},
			{claim: "C20b", name: "1.8", theory: as("K^-0.235", -0.8/3.4)},
			{claim: "C17b", name: "SGD, normal noise", theory: as("K^-0.250", -0.25)},
		},
	}},
}, {
	name: "coordinates", title: "Clipping per coordinate, and ACClip", from: "C21", to: "C23",
	text: `With noise in every coordinate the norm of a gradient is large because there are many, and
clipping by it wastes what the others say. The advantage of clipping each coordinate grows
with the dimension; that of adaptive thresholds over Adam is smaller than the slides have it.`,
	panels: []panel{{
		title: "Error under noise of tail index 1.5", x: "dimension", y: "f-f*",
		lines: []line{
			{claim: "C21", name: "clipped by the norm", theory: as("dim^(4/3)", 4./3)},
			{claim: "C21", series: 1, name: "clipped per coordinate", theory: as("dim", 1)},
		},
	}},
}, {
	name: "saddles", title: "Saddles are avoided", from: "C24", to: "C24",
	text: `From a random point gradient descent does not end at a strict saddle: those that would have
no volume. How long it stays near one grows with the logarithm of how near it begins.`,
	panels: []panel{{
		title: "Time to leave a saddle", x: "ln(1/distance) from its stable manifold", y: "steps", linearX: true, linearY: true,
		lines: []line{{claim: "C24a", name: "gradient descent"}},
	}, {
		title: "Random symmetric matrices", x: "dimension", y: "share that is positive definite", linearX: true,
		lines: []line{{claim: "C24b", name: "measured"}},
	}},
}, {
	name: "octopus", title: "Gradient descent can take exponential time", from: "C25", to: "C28",
	text: `A function of which each saddle leads to the next: gradient descent passes each later than the
last by a factor, perturbed descent passes all alike.`,
	panels: []panel{{
		title: "Steps through a chain of d saddles", x: "dimension d", y: "steps",
		lines: []line{
			{claim: "C25", name: "gradient descent"},
			{claim: "C26", name: "perturbed", theory: as("d", 1)},
		},
	}},
}, {
	name: "escape", title: "How fast perturbed descent leaves a saddle", from: "C29", to: "C30",
	text: `The way along a slope costs steps as eps^-2, a saddle on it as eps^(-1/2), and the dimension
adds a logarithm to that.`,
	panels: []panel{{
		title: "Steps to a second-order stationary point", x: "1/eps", y: "steps",
		lines: []line{
			{claim: "C29", name: "all of the way", theory: as("eps^-2", 2)},
			{claim: "C29a", name: "one saddle on it", theory: as("eps^(-1/2)", 0.5)},
		},
	}, {
		title: "Steps to leave a saddle", x: "dimension", y: "steps", linearY: true,
		lines: []line{{claim: "C30", name: "perturbed descent"}},
	}},
}, {
	name: "stationary", title: "Second-order stationary points, faster", from: "C31", to: "C34",
	text: `Each method on an instance that its rate is tight for, or the nearest to it that could be
built. Where step and batch are those that the theorem prescribes, the exponent follows
from them in part; the claims say where.`,
	panels: []panel{{
		title: "Stochastic gradients", x: "1/eps", y: "gradients",
		lines: []line{
			{claim: "C31", name: "perturbed SGD", theory: as("eps^-4", 4)},
			{claim: "C32", name: "SGD with averaging", theory: as("eps^-3.5", 3.5)},
			{claim: "C33", name: "SPIDER", theory: as("eps^-3", 3)},
		},
	}, {
		title: "Exact gradients", x: "1/eps", y: "gradients, products or steps",
		lines: []line{
			{claim: "C29", name: "perturbed descent", theory: as("eps^-2", 2)},
			{claim: "C34c", name: "accelerated", theory: as("eps^-1.75", 1.75)},
			{claim: "C34e", name: "Hessian-vector products"},
			{claim: "C34", name: "cubic Newton", theory: as("eps^-1.5", 1.5)},
			{claim: "C34a", name: "trust region"},
		},
	}},
}, {
	name: "adaptive", title: "Normalized, adaptive and noisy descent at saddles", from: "C35", to: "C38",
	text: `Steps of one length do not slow down near a saddle; adaptive ones make noise the same in all
directions; and noise with any part along the way out is enough.`,
	panels: []panel{{
		title: "Steps past a saddle", x: "1/distance from its stable manifold", y: "steps", linearY: true,
		lines: []line{
			{claim: "C35a", series: 1, name: "gradient descent"},
			{claim: "C35a", name: "normalized descent"},
		},
	}, {
		title: "Steps to leave a saddle by noise alone", x: "1/share of the noise along the way out", y: "steps", linearY: true,
		lines: []line{{claim: "C37", name: "SGD"}},
	}},
}, {
	name: "errata", title: "What the slides print wrong", from: "E01", to: "E10",
	text: `Signs, factors and names, each measured in both readings.`,
	panels: []panel{{
		title: "E01: clipped SGD, tail index 1.5", x: "step k", y: "f-f*",
		lines: []line{{claim: "E01", name: "measured", theory: as("k^(-2/3)", -2./3)}},
	}, {
		title: "E09: cubic regularization", x: "gradient eps to reach", y: "steps",
		lines: []line{{claim: "E09", name: "measured", theory: as("eps^-1.5", -1.5)}},
	}},
}}
