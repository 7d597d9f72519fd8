Mclass A { #p

-go' = { t:go' = = 1; get<!--: p(A { #p = 1arget Aspw