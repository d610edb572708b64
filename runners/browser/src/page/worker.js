import { Guest } from "./guest.js";
import { serve } from "./serving.js";

serve(Guest);
