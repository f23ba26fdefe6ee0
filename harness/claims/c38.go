package claims

var _ = define(Claim{
	ID:        "C38",
	Statement: "stochastic Hessian-vector products give eps^-3.5, and SGD's eps^-4 cannot be improved; clipped methods under (L0,L1): explore",
	Source:    "slides: second-order stationary points, open ends; Tripuraneni et al. 2017",
	Theory:    "upper and lower bounds, questions",
	Limits:    "bounds over a class, which no instance shows",
})
