"""What can be said of runs: each rule looks at a case and speaks, or keeps silent."""
