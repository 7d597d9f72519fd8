 let a = 1
if (a) { let a = 2 }