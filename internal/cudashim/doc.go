//go:build !cuda || !linux || !(amd64 || arm64)

// Package cudashim is empty in a program that is built without CUDA.
package cudashim
