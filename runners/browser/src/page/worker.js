// The worker of a guest; the site puts in which.
import { Guest } from "{{guest}}";
import { serve } from "/serving.js";

serve(Guest);
