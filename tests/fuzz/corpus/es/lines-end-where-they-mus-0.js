Mlet a = 1
let b = 2
out(a + b)