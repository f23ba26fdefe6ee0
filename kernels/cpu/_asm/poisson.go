package main

// rows is what the rows of a grid need: the gradient and the row below come from
// memory, and the rows at hand and above from where the row below went.
var rows = ahead{memory: []int{1, 5}, cache: []int{0, 4}}

var _ = define("poisson", "", body{
	ahead: rows,
	terms: func(v *vec, s []val) []val {
		g := v.add(v.add(v.sub(s[0], s[2]), v.sub(s[0], s[3])), v.add(v.sub(s[0], s[4]), v.sub(s[0], s[5])))
		v.term(0, v.mul(v.mul(g, number(0.5)), v.sub(s[0], one)))
		return []val{nil, g}
	},
})
