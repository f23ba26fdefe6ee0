package claims

var _ = define(Claim{
	ID:        "C28",
	Statement: "can the bound of theorem 4.1 for perturbed descent be improved?",
	Source:    "slide: open question after Du et al. 2017",
	Theory:    "yes, polylog(d): theorem 13, C30",
	Limits:    "a question, which no experiment answers",
})
